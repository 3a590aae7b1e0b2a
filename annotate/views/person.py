"""The audit of one annotator, for admins: the page and its downloads, from one query."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotate.audit_queries.person import AnnotatorAudit, InCampaign, annotator_audit
from annotate.errors import DomainError
from annotate.models import User
from annotate.quality.signals import WORDS_PER_MINUTE
from annotate.views.access import admin_required
from annotate.views.bias import FEATURES, SIGNALS, in_words
from annotate.views.downloads import as_csv, as_json


@require_safe
@admin_required
def audit(request: HttpRequest, pk: int, form: str = "html") -> HttpResponse:
    """One annotator beside everybody: agreement, expertise, and in one campaign leanings, signals, time and pay."""
    annotator = get_object_or_404(User, pk=pk)
    try:
        found = annotator_audit(annotator=annotator, campaign=request.GET.get("campaign", ""))
    except DomainError as error:
        raise Http404(str(error)) from error
    slug = found.chosen.campaign.slug if found.chosen else ""
    if form == "csv":
        return as_csv(f"annotator-{annotator.pk}", found.figures)
    if form == "json":
        return as_json(slug, found.figures, annotator=annotator.username, too_little_time=_too_little(found))
    context = {"section": "agreement", "found": found, "chosen": found.chosen, "slug": slug}
    context["speed"] = f"{WORDS_PER_MINUTE:g}"
    context["places"] = [
        ("campaign", _("By campaign"), _("Campaign"), [found.overall, *found.campaigns], len(found.campaigns) > 1),
        ("domain", _("By domain"), _("Domain"), found.domains, len(found.domains) > 1),
    ]
    return render(request, "annotate/audit/person.html", context | _leanings(found.chosen))


def _too_little(found: AnnotatorAudit) -> bool:
    return bool(found.chosen and found.chosen.time and found.chosen.time.too_little)


def _leanings(chosen: InCampaign | None) -> dict[str, list]:
    """The person's figures beside everybody's, as far as there are any of the person."""
    if not chosen or not chosen.person:
        return {"leanings": [], "signals": []}
    leanings = zip(chosen.person.leanings, chosen.bias.pool, strict=True)
    signals = zip(chosen.person.signals, chosen.bias.signals, strict=True)
    return {
        "leanings": [(*FEATURES[one.feature], one, pool) for one, pool in leanings if pool.share.value is not None],
        "signals": [(SIGNALS[one.name], in_words(one.said), one, everybody) for one, everybody in signals],
    }
