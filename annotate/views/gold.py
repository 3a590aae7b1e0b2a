"""Gold, for admins: mixing a task with a known answer into the work, and taking it out again."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotate.errors import DomainError
from annotate.models import Task
from annotate.services import gold
from annotate.views.access import admin_required


@require_POST
@admin_required
def mix_in(request: HttpRequest, pk: int) -> HttpResponse:
    """Mix a task with a known answer into everybody's work."""
    return _done(request, pk, gold.mix_in, _("It is mixed into the work as gold: each person gets it once."))


@require_POST
@admin_required
def retire(request: HttpRequest, pk: int) -> HttpResponse:
    """Take gold out of the work."""
    return _done(request, pk, gold.retire, _("Taken out: nobody gets it any more. What people answered still counts."))


def _done(request: HttpRequest, pk: int, action: Callable[..., Task], sentence: str) -> HttpResponse:
    task = get_object_or_404(Task.objects.select_related("campaign", "prompt", "gold"), pk=pk)
    try:
        action(task=task, by=request.user)
    except DomainError as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, sentence)
    return redirect("annotate:task", pk)
