"""Gold, for admins: which tasks have a known answer, mixing them into the work, and taking them out again."""

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotate import gold_queries
from annotate.errors import DomainError
from annotate.models import Campaign, Task
from annotate.services import gold
from annotate.views.access import admin_required
from annotate.views.work_forms import typed

TASKS_A_PAGE = 25


@require_safe
@admin_required
def gold_list(request: HttpRequest, slug: str) -> HttpResponse:
    """The tasks of a campaign whose answer is known, and how people did on them."""
    campaign = get_object_or_404(Campaign, slug=slug)
    tasks = gold_queries.known_tasks(campaign=campaign).select_related("prompt", "gold")
    page = Paginator(tasks, TASKS_A_PAGE).get_page(request.GET.get("page"))
    known = gold_queries.with_scores(page, campaign=campaign)
    rules = campaign.assignment_rules.gold
    context = {"section": "campaigns", "campaign": campaign, "page": page, "known": known, "rules": rules}
    return render(request, "annotate/gold.html", context)


@require_POST
@admin_required
def mix_in(request: HttpRequest, pk: int) -> HttpResponse:
    """Mix a task with a known answer into everybody's work."""
    return _done(request, pk, gold.mix_in, _("It is mixed into the work as gold: each person gets it once."))


@require_POST
@admin_required
def retire(request: HttpRequest, pk: int) -> HttpResponse:
    """Take gold out of the work, with a reason."""
    sentence = _("Taken out: nobody gets it any more. What people answered still counts.")
    return _done(request, pk, partial(gold.retire, reason=typed(request.POST, "reason")), sentence)


def _done(request: HttpRequest, pk: int, action: Callable[..., Task], sentence: str) -> HttpResponse:
    task = get_object_or_404(Task.objects.select_related("campaign", "prompt", "gold"), pk=pk)
    try:
        action(task=task, by=request.user)
    except DomainError as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, sentence)
    return (
        redirect("annotate:gold_leaks", task.campaign.slug)
        if "leaks" in request.POST
        else redirect("annotate:task", pk)
    )
