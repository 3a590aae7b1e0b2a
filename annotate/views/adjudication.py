"""Disagreements: the queue of disputed tasks, and the page on which an expert decides one."""

from collections.abc import Iterator, Mapping
from urllib.parse import urlencode
from uuid import uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotate import adjudication_queries as queries
from annotate.adjudication_queries import Disputed, Evidence, Filters
from annotate.errors import DomainError, LeaseLost, NotAllowed, NotFound
from annotate.models import Adjudication, AdjudicationDraft, Campaign, ContentWarning, Domain, Task
from annotate.queries import AssignmentView
from annotate.services import adjudicating, disputes
from annotate.services.adjudicating import AsGold
from annotate.services.adjudication_drafts import draft_of, keep_draft, renew_hold
from annotate.services.records import answer_of
from annotate.views.access import admin_required
from annotate.views.beside import rows_of, words_of
from annotate.views.downloads import table_as_csv
from annotate.views.work import TEMPLATES, refusal, refuse_what_is_missing
from annotate.views.work_forms import Work, cards, following_of, number, step_cards, typed
from annotate.views.writing import writing_context

TASKS_A_PAGE = 25
MOST_LISTED = 1_000
"""Tasks that the pages lead to: counting all of very many takes longer than showing them. Downloads have all."""
BESIDE = ("cause", "note", "gold", "explanation")
"""What an expert says beside the answer."""
AT_ONCE = 1_000
"""Rows of a download that are read at once."""
TRIES = 5
"""Tasks that are tried when others take them in the same moment."""


def _campaign(request: HttpRequest, slug: str) -> Campaign:
    campaign = get_object_or_404(Campaign.objects.select_related("guideline"), slug=slug)
    try:
        adjudicating.check_may_open(user=request.user, campaign=campaign)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    except DomainError as error:
        raise Http404(str(error)) from error
    return campaign


def _filters(data: QueryDict) -> Filters:
    """What is asked for; what is not known is passed over."""
    state, cause = typed(data, "state"), typed(data, "cause")
    return Filters(
        state=state if state in queries.STATES else "decided" if cause else "open",
        cause=cause if cause in Adjudication.Cause.values else "",
        domain=typed(data, "domain")[:64],
        unfinished="unfinished" in data,
    )


def _query(filters: Filters) -> str:
    asked = {"state": filters.state, "cause": filters.cause, "domain": filters.domain}
    asked["unfinished"] = "on" if filters.unfinished else ""
    return urlencode({name: value for name, value in asked.items() if value})


@require_safe
def disagreements(request: HttpRequest, slug: str) -> HttpResponse:
    """The disputed tasks of a campaign, the most disputed first."""
    campaign = _campaign(request, slug)
    backlog = disputes.weigh(campaign=campaign)
    filters = _filters(request.GET)
    found = queries.queue(campaign=campaign, filters=filters)
    page = Paginator(found[:MOST_LISTED], TASKS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "campaigns",
        "campaign": campaign,
        "filters": filters,
        "query": f"{_query(filters)}&",
        "page": page,
        "more": page.paginator.count == MOST_LISTED,
        "rows": queries.listed(page.object_list),
        "counts": queries.counts(campaign=campaign),
        "causes": Adjudication.Cause.choices,
        "domains": Domain.objects.filter(queues__campaign=campaign).distinct(),
        "backlog": backlog,
        "people": queries.adjudicators(campaign=campaign) if request.user.is_admin else None,
    }
    return render(request, "annotate/adjudication/queue.html", context)


def _rows(request: HttpRequest, slug: str) -> Iterator[Disputed]:
    campaign = _campaign(request, slug)
    disputes.weigh(campaign=campaign)
    found = queries.queue(campaign=campaign, filters=_filters(request.GET))
    for page in Paginator(found, AT_ONCE):
        yield from queries.listed(page.object_list)


@require_safe
def disagreements_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """The queue as asked for, as CSV."""
    columns = ["task", "domain", "score", "n", "target", "state", "cause", "decided_at"]
    return table_as_csv(f"disagreements-{slug}", columns, (row.as_row() for row in _rows(request, slug)))


@require_safe
def disagreements_json(request: HttpRequest, slug: str) -> HttpResponse:
    """The queue as asked for, as JSON."""
    return JsonResponse({"campaign": slug, "disagreements": [row.as_row() for row in _rows(request, slug)]})


@require_POST
def next_disagreement(request: HttpRequest, slug: str) -> HttpResponse:
    """Take the most disputed open task; after one that is passed over, the one below it."""
    campaign = _campaign(request, slug)
    return _go_on(request, campaign, after=_number(request.POST.get("after")))


def _go_on(request: HttpRequest, campaign: Campaign, after: int | None) -> HttpResponse:
    filters = _filters(QueryDict(typed(request.POST, "queue")))
    filters = Filters(domain=filters.domain, unfinished=filters.unfinished)
    disputes.weigh(campaign=campaign)
    for _try in range(TRIES):
        found = queries.next_open(campaign=campaign, user=request.user, filters=filters, after=after)
        if found is None:
            break
        try:
            adjudicating.take(task_id=found, by=request.user)
        except (LeaseLost, NotAllowed):  # somebody was quicker, or it was judged or withdrawn in this moment
            after = found
            continue
        return redirect(_address(campaign, found, filters))
    messages.info(request, _("Nothing is left here that you could decide."))
    return redirect(_queue_address(campaign, filters))


def _address(campaign: Campaign, task: int, filters: Filters) -> str:
    return redirect("annotate:disagreement", campaign.slug, task).url + f"?{_query(filters)}"


def _queue_address(campaign: Campaign, filters: Filters) -> str:
    return redirect("annotate:disagreements", campaign.slug).url + f"?{_query(filters)}"


def _number(value: str | None) -> int | None:
    found = number(value)
    return int(found) if found is not None and found < 2**63 else None


def _task(request: HttpRequest, slug: str, pk: int) -> Task:
    try:
        task = adjudicating.find_task(pk, request.user)
    except NotFound as error:
        raise Http404(str(error)) from error
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    except DomainError as error:
        raise Http404(str(error)) from error
    if task.campaign.slug != slug or task.purpose != Task.Purpose.WORK:
        raise Http404(_("There is no task %(number)s.") % {"number": pk})
    return task


@require_http_methods(["GET", "HEAD", "POST"])
def disagreement(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """What annotators said about a task; decide it and go on to the next."""
    task = _task(request, slug, pk)
    found = queries.evidence(task=task)
    view = _view(task, found)
    if request.method != "POST":
        return _page(request, view, found, None)
    work = Work.from_post(request.POST, view)
    try:
        refuse_what_is_missing(view, work)
        _decide(request, task, work)
    except DomainError as error:
        return _page(request, view, found, work, error=error)
    return _go_on(request, task.campaign, after=pk)


def _view(task: Task, found: Evidence) -> AssignmentView:
    return AssignmentView(
        assignment=adjudicating.as_shown(task),
        campaign=task.campaign,
        guideline=task.campaign.guideline,
        messages=task.prompt.messages,
        completions=found.completions,
    )


def _decide(request: HttpRequest, task: Task, work: Work) -> Adjudication:
    data = request.POST
    return adjudicating.decide(
        task_id=task.pk,
        by=request.user,
        answer=work.answer,
        cause=typed(data, "cause"),
        note=typed(data, "note"),
        gold=AsGold(typed(data, "explanation")) if "gold" in data else None,
        supersedes=_number(data.get("supersedes")),
        idempotency_key=_key(request),
    )


def _key(request: HttpRequest) -> str:
    return typed(request.POST, "key")[:100]


def _page(
    request: HttpRequest, view: AssignmentView, found: Evidence, work: Work | None, error: DomainError | None = None
) -> HttpResponse:
    """The page; `work` is what was posted, else it shows the draft, else the decision that stands."""
    task, data = found.task, request.POST
    mine = found.hold is not None and found.hold.by_id == request.user.pk
    decision = found.decision
    draft = draft_of(task_id=task.pk, by=request.user)
    restored = draft if work is None else None
    if work is None:
        work, data = _unfinished(draft, decision)
    context = {"section": "campaigns", "view": view, "work": work, "error": error, "layout": "base.html"}
    context |= {
        "asked": view.form,
        "flags": view.flags,
        "guideline_open": False,
        "kind_page": TEMPLATES[view.campaign.kind],
    }
    context |= {"cards": cards(view, work), "steps": step_cards(view, work)}
    context["ranks"] = range(1, len(view.completions) + 1)
    context |= writing_context(view, work, None)
    context |= {
        "evidence": found,
        "held_by": found.hold.by if found.hold and not mine else None,
        "deciding": mine or error is not None,
        "restored": restored,
        "overtaken": draft is not None and draft.seen_id != (decision.pk if decision else None),
        "draft_after": draft.draft_name if draft else "0.",
        "lease_left": max(0, round((found.hold.expires_at - timezone.now()).total_seconds())) if mine else 0,
        "refusal": adjudicating.why_not(user=request.user, task=task),
        "causes": list(enumerate(Adjudication.Cause.choices, start=1)),
        "cause": typed(data, "cause") or (decision.cause if decision else ""),
        "note": typed(data, "note") or (decision.note if decision and not restored else ""),
        "as_gold": "gold" in data,
        "gold": getattr(task, "gold", None),
        "explanation": typed(data, "explanation") or (task.gold.explanation if hasattr(task, "gold") else ""),
        "key": typed(data, "key") or uuid4().hex,
        "queue": typed(data, "queue") or _query(_filters(request.GET)),
        "last": queries.last_decided(user=request.user, campaign=task.campaign),
        "distressing": [ContentWarning.Kind(kind).label for kind in view.warnings],
        **_said(request, found),
    }
    status = 200 if error is None else 409 if isinstance(error, LeaseLost) else 422
    return render(request, "annotate/adjudication/decide.html", context, status=status)


def _unfinished(draft: AdjudicationDraft | None, decision: Adjudication | None) -> tuple[Work, Mapping[str, str]]:
    """What the page shows before anything was posted: the answer, and what stands beside it."""
    if draft is None:
        return Work(queries.with_ids(decision.answer) if decision else {}), {}
    return Work.from_draft(draft.draft.get("work")), draft.draft.get("beside", {})


def _said(request: HttpRequest, found: Evidence) -> dict:
    """The judgements side by side. Names are hidden unless an admin asks for them."""
    task = found.task
    named = request.user.is_admin and "names" in request.GET
    people = [one.annotator.username if named else str(place) for place, one in enumerate(found.judgements, start=1)]
    answers = [answer_of(one) for one in found.judgements]
    words = [
        words_of(who, one, answer, found.completions)
        for who, one, answer in zip(people, found.judgements, answers, strict=True)
    ]
    decided = [queries.with_ids(found.decision.answer)] if found.decision else []
    return {
        "named": named,
        "people": people,
        "seconds": [one.seconds for one in found.judgements],
        "versions": [one.guideline for one in found.judgements],
        "said": rows_of(task.campaign, task.campaign.guideline, found.completions, answers + decided),
        "words": [one for one in words if one],
    }


@require_POST
def take(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Hold this task while deciding it."""
    task = _task(request, slug, pk)
    try:
        adjudicating.take(task_id=task.pk, by=request.user)
    except DomainError as error:
        messages.warning(request, str(error))
    return redirect(_address(task.campaign, pk, _filters(QueryDict(typed(request.POST, "queue")))))


@require_POST
def draft(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Keep an unfinished decision."""
    task, data = _task(request, slug, pk), request.POST
    work = Work.from_post(data, _view(task, queries.evidence(task=task)))
    unfinished = {"work": work.as_draft(), "beside": {name: typed(data, name) for name in BESIDE if name in data}}
    try:
        keep_draft(
            task_id=pk,
            by=request.user,
            draft=unfinished,
            seen=_number(data.get("supersedes")),
            following=following_of(data),
            idempotency_key=_key(request),
        )
    except DomainError as error:
        return refusal(error)
    return HttpResponse(status=204)


@require_POST
def heartbeat(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Hold the task for another lease."""
    task = _task(request, slug, pk)
    try:
        renew_hold(task_id=task.pk, by=request.user, seen=_number(request.GET.get("seen")))
    except DomainError as error:
        return refusal(error)
    return HttpResponse(status=204)


@require_POST
def pass_over(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Let go of this task without a decision, and go on to the next."""
    task = _task(request, slug, pk)
    adjudicating.let_go(task_id=task.pk, by=request.user)
    return _go_on(request, task.campaign, after=pk)


@require_POST
def take_back(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Take a decision back: the task is open again, and what was decided stays on record."""
    _task(request, slug, pk)
    decision, why = _number(request.POST.get("decision")) or 0, typed(request.POST, "why")
    try:
        adjudicating.take_back(adjudication_id=decision, by=request.user, note=why)
    except DomainError as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, _("Taken back: the task is open again, and both stay on record."))
    return redirect("annotate:disagreement", slug, pk)


@require_POST
@admin_required
def rights(request: HttpRequest, slug: str) -> HttpResponse:
    """Give somebody the right to decide here, or take it away."""
    campaign = get_object_or_404(Campaign, slug=slug)
    name = typed(request.POST, "username").strip()
    try:
        if "away" in request.POST:
            adjudicating.disallow(campaign=campaign, username=name, by=request.user)
            messages.success(request, _("%(name)s decides here no more. What they decided stays.") % {"name": name})
        else:
            adjudicating.allow(campaign=campaign, username=name, by=request.user)
            messages.success(request, _("%(name)s may decide disagreements here now.") % {"name": name})
    except DomainError as error:
        messages.warning(request, str(error))
    return redirect("annotate:disagreements", slug)
