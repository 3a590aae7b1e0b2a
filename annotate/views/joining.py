"""What an invitation's link opens: an account, or the campaigns for an account that there is."""

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from annotate.errors import DomainError, InvitationClosed, NotFound
from annotate.models import Invitation
from annotate.services import invitations
from annotate.views.work_forms import typed

BACKEND = "django.contrib.auth.backends.ModelBackend"


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Who invites to what; then an account, and in."""
    try:
        invitation = invitations.open_invitation(token=token)
        if request.method != "POST":
            return _page(request, invitation)
        return _accept(request, token, invitation)
    except (NotFound, InvitationClosed) as error:
        status = 410 if isinstance(error, InvitationClosed) else 404
        return render(request, "onboarding/closed.html", {"sentence": str(error)}, status=status)


def _accept(request: HttpRequest, token: str, invitation: Invitation) -> HttpResponse:
    try:
        if request.user.is_authenticated:
            invitations.accept_as(token=token, user=request.user)
        else:
            login(request, _new_account(request, token), backend=BACKEND)
    except InvitationClosed:
        raise
    except DomainError as error:
        return _page(request, invitation, error)
    messages.success(request, _("Welcome. These are the campaigns that you can work in."))
    return redirect("annotate:home")


def _new_account(request: HttpRequest, token: str):
    password = request.POST.get("password", "")
    if password != request.POST.get("again", ""):
        raise DomainError(_("The two passwords differ. Type the same one twice."))
    return invitations.accept_as_new(
        token=token,
        username=typed(request.POST, "username").strip(),
        password=password,
        first_name=typed(request.POST, "first_name"),
    )


def _page(request: HttpRequest, invitation: Invitation, error: DomainError | None = None) -> HttpResponse:
    context = {
        "invitation": invitation,
        "campaigns": invitation.campaigns.all(),
        "username": typed(request.POST, "username"),
        "first_name": typed(request.POST, "first_name") or invitation.name,
        "error": error,
    }
    return render(request, "onboarding/join.html", context, status=422 if error else 200)
