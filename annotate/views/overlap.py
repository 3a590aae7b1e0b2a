"""How many people do the tasks of a campaign, for admins: what adaptive overlap did, and setting it by hand."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from annotate.errors import DomainError, NotFound
from annotate.models import Campaign
from annotate.overlap_queries import overlap_figures
from annotate.services.retargeting import retarget, retarget_all
from annotate.views.access import admin_required
from annotate.views.work_forms import typed


@require_safe
@admin_required
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """The figures of a campaign, and the form that sets the target of its tasks."""
    found = overlap_figures(campaign=get_object_or_404(Campaign, slug=slug))
    return render(request, "annotate/overlap.html", {"section": "campaigns", "found": found})


@require_POST
@admin_required
def set_all(request: HttpRequest, slug: str) -> HttpResponse:
    """Set the target of every task that is there."""
    campaign = get_object_or_404(Campaign, slug=slug)
    try:
        done = retarget_all(campaign=campaign, target=_number(request), by=request.user)
    except DomainError as error:
        messages.warning(request, str(error))
    else:
        said = ngettext("Set for %(n)d task.", "Set for %(n)d tasks.", done.n_tasks) % {"n": done.n_tasks}
        if done.n_kept:
            kept = ngettext(
                "%(n)d of them keeps the places that are taken, which are more.",
                "%(n)d of them keep the places that are taken, which are more.",
                done.n_kept,
            )
            said += " " + kept % {"n": done.n_kept}
        messages.success(request, said)
    return redirect("annotate:overlap", campaign.slug)


@require_POST
@admin_required
def set_one(request: HttpRequest, pk: int) -> HttpResponse:
    """Set the target of one task."""
    try:
        task, done = retarget(task_id=pk, target=_number(request), by=request.user)
    except NotFound as error:
        raise Http404(str(error)) from error
    except DomainError as error:
        messages.warning(request, str(error))
    else:
        people = ngettext("The task goes to %(n)d person.", "The task goes to %(n)d people.", task.target)
        taken = " " + _("That is as low as it can be: so many places are taken.") if done.n_kept else ""
        messages.success(request, people % {"n": task.target} + taken)
    return redirect("annotate:task", pk)


def _number(request: HttpRequest) -> int:
    """The number that was typed. Raises DomainError when it is none."""
    text = typed(request.POST, "target").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise DomainError(_("Write how many people a task goes to, as a whole number."))
    return int(text)
