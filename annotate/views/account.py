"""Logging in and out."""

from django.contrib.auth import views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django_htmx.http import HttpResponseClientRedirect

from annotate.models import Profile
from annotate.views.language import remember_language


@method_decorator(login_not_required, name="dispatch")
class Login(views.LoginView):
    """The login page. A request by htmx, whose session ran out, loads it as a page of its own."""

    template_name = "account/login.html"
    redirect_authenticated_user = True

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if request.htmx:
            return HttpResponseClientRedirect(request.get_full_path())
        return super().get(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Log in, in the language that the person chose on whatever device."""
        response = super().form_valid(form)
        if language := Profile.objects.filter(user=self.request.user).values_list("language", flat=True).first():
            remember_language(response, language)
        return response


login = Login.as_view()
logout = views.LogoutView.as_view()
