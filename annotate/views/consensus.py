"""What the rankings of a campaign add up to, for admins: the page and its downloads, from one query."""

from collections.abc import Iterator

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from annotate.consensus_queries import CampaignConsensus, TaskConsensus, campaign_consensus
from annotate.models import Campaign
from annotate.views.access import admin_required
from annotate.views.downloads import table_as_csv

TASKS_A_PAGE = 25
TASKS_AT_A_TIME = 500
OF_TASK = ("task", "n_rankings", "n_cannot_rank", "contest", "cyclic", "decided")


@require_safe
@admin_required
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """The consensus of each task, most contested first, and what everybody's votes weigh."""
    found = _find(slug)
    tasks = Paginator(found.tasks, TASKS_A_PAGE).get_page(request.GET.get("page"))
    context = {"section": "agreement", "tab": "consensus", "campaign": found.campaign, "found": found, "page": tasks}
    return render(request, "annotate/audit/consensus.html", context)


@require_safe
@admin_required
def figures_csv(request: HttpRequest, slug: str, what: str) -> HttpResponse:
    """One of the page's tables as CSV, whole."""
    if what not in TABLES:
        raise Http404
    columns, rows = TABLES[what]
    return table_as_csv(f"consensus-{slug}-{what}", columns, rows(_find(slug)))


def _find(slug: str) -> CampaignConsensus:
    return campaign_consensus(campaign=get_object_or_404(Campaign, slug=slug, kind=Campaign.Kind.RANKING))


def _rankings(found: CampaignConsensus) -> Iterator[dict]:
    for task in _tasks(found):
        for place in task.places:
            said = {name: getattr(place, name) for name in ("completion", "letter", "rank", "score", "in_cycle")}
            yield {name: getattr(task, name) for name in OF_TASK} | said


def _pairs(found: CampaignConsensus) -> Iterator[dict]:
    for task in _tasks(found):
        for pair in task.pairs:
            yield {"task": task.task, "n": pair.n} | {name: getattr(pair, name) for name in OF_PAIR}


def _voters(found: CampaignConsensus) -> Iterator[dict]:
    for voter in found.voters:
        said = {"annotator": voter.username, "weight": voter.weight, "n_pairs": voter.n_pairs}
        yield said | {f"accuracy_{name}": value for name, value in voter.accuracy.as_dict().items()}


def _tasks(found: CampaignConsensus) -> Iterator[TaskConsensus]:
    for start in range(0, len(found.tasks), TASKS_AT_A_TIME):
        yield from found.tasks[start : start + TASKS_AT_A_TIME]


OF_PAIR = ("first", "second", "for_first", "tied", "for_second", "posterior")
ACCURACY = tuple(f"accuracy_{name}" for name in ("value", "lo", "hi", "n", "reason"))
TABLES = {
    "rankings": ((*OF_TASK, "completion", "letter", "rank", "score", "in_cycle"), _rankings),
    "pairs": (("task", *OF_PAIR, "n"), _pairs),
    "weights": (("annotator", "weight", "n_pairs", *ACCURACY), _voters),
}
