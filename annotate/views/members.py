"""People, for admins: who is invited, who takes part, what they say they know, and counts of who they are."""

from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotate import people_queries
from annotate.errors import DomainError
from annotate.models import Campaign, User
from annotate.people_queries import ExpertiseFigure
from annotate.services import invitations, membership, onboarding
from annotate.services.onboarding import Declared
from annotate.views.access import admin_required
from annotate.views.demographic_labels import LABELS, label
from annotate.views.downloads import table_as_csv
from annotate.views.work_forms import typed

DAYS = (1, 3, 7, 14, 30, 90)
EXPERTISE_A_PAGE = 50
EXPERTISE_COLUMNS = ["annotator", "domain", "declared", "verified", "level", "value", "lo", "hi", "n", "reason"]


@never_cache  # the answer to POST holds the only copy of a link that opens an account
@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def invitation_list(request: HttpRequest) -> HttpResponse:
    """Make an invitation, whose link is shown this once; every invitation with its state."""
    link, error = "", None
    if request.method == "POST":
        try:
            link = request.build_absolute_uri(reverse("annotate:join", args=[_invite(request)]))
        except DomainError as refused:
            error = refused
    context = {
        "section": "people",
        "invitations": people_queries.invitations(),
        "campaigns": Campaign.objects.exclude(state=Campaign.State.CLOSED),
        "chosen": request.POST.getlist("campaign") if error else [],
        "typed": {name: typed(request.POST, name) if error else "" for name in ("name", "email")},
        "days": DAYS,
        "link": link,
        "error": error,
    }
    return render(request, "onboarding/invitations.html", context, status=422 if error else 200)


def _invite(request: HttpRequest) -> str:
    """Make what the form asks for; returns the token."""
    days = typed(request.POST, "days")
    chosen = Campaign.objects.filter(slug__in=request.POST.getlist("campaign"))
    return invitations.invite(
        by=request.user,
        campaigns=list(chosen),
        days=int(days) if days.isascii() and days.isdigit() and len(days) < 6 else 0,
        name=typed(request.POST, "name"),
        email=typed(request.POST, "email"),
    )[1]


@require_POST
@admin_required
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an invitation back."""
    return _done(request, "invitations", lambda: invitations.revoke_invitation(invitation_id=pk), _("Taken back."))


def _done(request: HttpRequest, page: str, action, sentence: str) -> HttpResponse:
    """Do it, say so or why not, and go back to the list."""
    try:
        action()
    except DomainError as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, sentence)
    return redirect(f"annotate:{page}")


@require_safe
@admin_required
def member_list(request: HttpRequest) -> HttpResponse:
    """Who takes part in what, and how far they are."""
    context = {"section": "people", "members": people_queries.members()}
    return render(request, "onboarding/members.html", context)


@require_POST
@admin_required
def suspend(request: HttpRequest, pk: int) -> HttpResponse:
    """Take somebody out of a campaign."""
    return _done(request, "members", lambda: membership.suspend(membership_id=pk), _("Suspended."))


@require_POST
@admin_required
def reinstate(request: HttpRequest, pk: int) -> HttpResponse:
    """Let them work again."""
    return _done(request, "members", lambda: membership.reinstate(membership_id=pk), _("Reinstated."))


def _expertise(request: HttpRequest) -> tuple[list[ExpertiseFigure], str, User | None]:
    """What the address asks for: the rows, their order, and whose they are where they are one person's."""
    wanted, person = request.GET.get("annotator", ""), None
    if wanted:
        if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 19):
            raise Http404(_("There is no such annotator."))
        person = get_object_or_404(User, pk=int(wanted))
    order = request.GET.get("sort", "")
    order = order if order in people_queries.EXPERTISE_ORDERS else "waiting"
    return people_queries.expertise(annotator_id=person.pk if person else None, order=order), order, person


@require_safe
@admin_required
def expertise_list(request: HttpRequest) -> HttpResponse:
    """What people say they know, with the evidence, and what gold has measured."""
    figures, order, person = _expertise(request)
    asked = {"sort": order} | ({"annotator": person.pk} if person else {})
    context = {
        "section": "people",
        "page": Paginator(figures, EXPERTISE_A_PAGE).get_page(request.GET.get("page")),
        "n_waiting": sum(one.waits for one in figures),
        "order": order,
        "person": person,
        "query": urlencode(asked),
    }
    return render(request, "onboarding/expertise_list.html", context)


@require_safe
@admin_required
def expertise_csv(request: HttpRequest) -> HttpResponse:
    """The rows of the expertise page as CSV."""
    return table_as_csv("expertise", EXPERTISE_COLUMNS, (one.as_dict() for one in _expertise(request)[0]))


@require_safe
@admin_required
def expertise_json(request: HttpRequest) -> HttpResponse:
    """The rows of the expertise page as JSON."""
    return JsonResponse({"figures": [one.as_dict() for one in _expertise(request)[0]]})


@require_POST
@admin_required
def verify(request: HttpRequest, pk: int) -> HttpResponse:
    """The evidence holds."""
    said = Declared(typed(request.POST, "level"), typed(request.POST, "evidence").replace("\r\n", "\n"))
    verified = lambda: onboarding.verify_expertise(expertise_id=pk, by=request.user, declared=said)  # noqa: E731
    return _done(request, "expertise_list", verified, _("Verified."))


@require_POST
@admin_required
def unverify(request: HttpRequest, pk: int) -> HttpResponse:
    """It does not, after all."""
    return _done(
        request, "expertise_list", lambda: onboarding.unverify_expertise(expertise_id=pk), _("No longer verified.")
    )


@require_safe
@admin_required
def demographic_counts(request: HttpRequest) -> HttpResponse:
    """How many gave each answer; no group below five people."""
    tables = [
        (LABELS[name], [(label(cell.value), cell.n) for cell in cells if cell.n != 0])
        for name, cells in people_queries.demographic_counts().items()
    ]
    return render(request, "onboarding/demographic_counts.html", {"section": "people", "tables": tables})
