"""The one button to start with: the most needed task, whatever the campaign."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from annotate.errors import DomainError, StepMissing
from annotate.services.anywhere import claim_anywhere


@require_POST
def next_anywhere(request: HttpRequest) -> HttpResponse:
    """Open the most needed task anywhere, or what comes before it; without any, the first page says why."""
    try:
        claimed = claim_anywhere(annotator=request.user)
    except StepMissing as error:
        return redirect("annotate:onboarding", error.campaign)
    except DomainError as error:
        messages.warning(request, str(error))
        claimed = None
    return redirect("annotate:assignment", claimed.pk) if claimed else redirect("annotate:home")
