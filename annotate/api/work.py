"""Annotating: the next task, submitting, skipping, drafts. Everybody with an account, each with their own work."""

from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate import queries
from annotate.api.base import Documented, checked, shared
from annotate.api.problems import brief
from annotate.api.serializers import (
    AssignmentSerializer,
    AssignmentStateSerializer,
    CampaignProgressSerializer,
    DraftSerializer,
    NextSerializer,
    SkippedWithNextSerializer,
    SkipSerializer,
    SubmissionSerializer,
    SubmittedSerializer,
    SubmittedWithNextSerializer,
)
from annotate.errors import DomainError, NotFound
from annotate.models import Assignment, Campaign, Judgement
from annotate.services import claiming, judging, releasing
from annotate.services.anywhere import claim_anywhere
from annotate.services.drafts import Following, named_after
from annotate.services.own import own_assignment

MAX_KEY = Judgement._meta.get_field("idempotency_key").max_length
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description=f"Your name for this submission, at most {MAX_KEY} characters: sent twice, it is one judgement.",
)

NEXT = ("1", "any")
WITH_NEXT = OpenApiParameter(
    "next",
    str,
    OpenApiParameter.QUERY,
    enum=NEXT,
    description="Bring the next assignment along, as `next`. 1: of the same campaign; any: the most needed anywhere.",
)


class Work(Documented, APIView):
    """A view for everybody with an account."""

    permission_classes = [IsAuthenticated]


IF_MATCH = OpenApiParameter(
    "If-Match", location=OpenApiParameter.HEADER, description="the name of the draft that this one follows"
)


class CampaignList(Documented, GenericAPIView):
    """The campaigns that are not closed, with their progress and the caller's part in it."""

    permission_classes = [IsAuthenticated]
    serializer_class = CampaignProgressSerializer

    @extend_schema(operation_id="campaigns_list", responses=CampaignProgressSerializer(many=True))
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(queries.campaigns_with_progress(annotator=request.user))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class NextTask(Work):
    """Claim the next task of a campaign: the one already held, else the next open one, else 204 (its Link says why).

    Without a campaign: the one held anywhere, else the most needed one, by the campaigns' priorities and shares.
    """

    @extend_schema(request=NextSerializer, responses={200: AssignmentSerializer, 204: None})
    def post(self, request: Request) -> Response:
        slug = checked(NextSerializer, request.data).get("campaign")
        assignment = _claim(request, find_campaign(slug) if slug else None)
        if assignment is None:
            return Response(status=status.HTTP_204_NO_CONTENT, headers=_help(request, slug) if slug else None)
        return Response(shown(assignment))


def shown(assignment: Assignment) -> dict:
    """Everything there is to show for an assignment."""
    return shared(AssignmentSerializer).to_representation(queries.view_of(assignment))


def _help(request: Request, slug: str) -> dict[str, str]:
    """The header that leads to why there is nothing."""
    address = request.build_absolute_uri(reverse("api:waiting", args=[slug]))
    return {"Link": f'<{address}>; rel="help"'}


def _claim(request: Request, campaign: Campaign | None) -> Assignment | None:
    if campaign is None:
        return claim_anywhere(annotator=request.user)
    return claiming.claim_next_task(annotator=request.user, campaign=campaign)


def find_campaign(slug: str) -> Campaign:
    """The campaign of this slug. Raises NotFound."""
    campaign = Campaign.objects.filter(slug=slug).first()
    if campaign is None:
        raise NotFound(
            _("There is no campaign %(name)r; GET /api/v1/campaigns/ lists those that there are.") % {"name": slug}
        )
    return campaign


class AssignmentDetail(Work):
    """An assignment of one's own, with everything to show; also after its lease was lost, for its draft."""

    @extend_schema(responses=AssignmentSerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        view = queries.assignment_to_show(assignment_id=pk, annotator=request.user)
        return Response(shared(AssignmentSerializer).to_representation(view))


class Submit(Work):
    """Submit an answer, with the fields that the campaign's kind and form ask for.

    After a lost lease it is still taken while the task has a free place. Else it is a 409, and what was sent is kept as
    the assignment's draft. With `?next=1` the answer brings the campaign's next assignment along, with `?next=any` the
    most needed one anywhere: a working annotator costs one request per judgement. `next` is null when there is none;
    when none can be given, what was sent counts all the same, and `next_problem` says why.
    """

    @extend_schema(
        request=SubmissionSerializer,
        parameters=[IDEMPOTENCY_KEY, WITH_NEXT],
        responses={201: SubmittedWithNextSerializer},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        wanted = _wanted(request)
        submission = {"assignment_id": pk, "annotator": request.user, **_submission(request)}
        if wanted == "1":
            turn = judging.submit_and_go_on(**submission)
            judgement, following = turn.judgement, _following(turn.next, turn.problem)
        else:
            judgement = judging.submit(**submission)
            following = _next_of(request, wanted, judgement.task.campaign)
        submitted = shared(SubmittedSerializer).to_representation(judgement)
        return Response(submitted | following, status=status.HTTP_201_CREATED)


def _wanted(request: Request) -> str | None:
    """What ?next= asks for. Raises ValidationError."""
    wanted = request.query_params.get("next")
    if wanted not in (None, *NEXT):
        raise ValidationError({"next": [_("It is 1 for the same campaign, or any for all; leave it out for neither.")]})
    return wanted


def _next_of(request: Request, wanted: str | None, campaign: Campaign) -> dict:
    """The next assignment that ?next= asks for, shown, or why there is none: what was sent counts all the same."""
    if wanted is None:
        return {}
    try:
        return _following(_claim(request, campaign if wanted == "1" else None), None)
    except DomainError as error:
        return _following(None, error)


def _following(assignment: Assignment | None, problem: DomainError | None) -> dict:
    return {"next": shown(assignment) if assignment else None, "next_problem": brief(problem) if problem else None}


class Correct(Work):
    """Correct what was submitted in an assignment of one's own: a new version counts, the old one stays on record."""

    @extend_schema(request=SubmissionSerializer, parameters=[IDEMPOTENCY_KEY], responses={201: SubmittedSerializer})
    def post(self, request: Request, pk: UUID) -> Response:
        own_assignment(assignment_id=pk, annotator=request.user)
        old = queries.newest_judgement(assignment_id=pk, annotator=request.user)
        if old is None:
            raise DomainError(_("Nothing was submitted in this assignment, so there is nothing to correct: submit it."))
        judgement = judging.correct(judgement_id=old.pk, annotator=request.user, **_submission(request))
        return Response(SubmittedSerializer(judgement).data, status=status.HTTP_201_CREATED)


def _submission(request: Request) -> dict:
    """The answer, its seconds and its idempotency key, as the services take them."""
    answer = dict(checked(SubmissionSerializer, request.data))
    return {"seconds": answer.pop("seconds"), "answer": answer, "idempotency_key": idempotency_key(request)}


def idempotency_key(request: Request) -> str:
    """The client's own name for what it sends. Raises ValidationError when it is too long."""
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > MAX_KEY:
        said = _("It has %(length)s characters; at most %(most)s are allowed.") % {"length": len(key), "most": MAX_KEY}
        raise ValidationError({"Idempotency-Key": [said]})
    return key


class Skip(Work):
    """Give the task back for good, with a reason. `?next=` brings the next assignment along, as when submitting."""

    @extend_schema(request=SkipSerializer, parameters=[WITH_NEXT], responses=SkippedWithNextSerializer)
    def post(self, request: Request, pk: UUID) -> Response:
        wanted, reason = _wanted(request), checked(SkipSerializer, request.data)["reason"]
        skipped = releasing.skip_assignment(assignment_id=pk, annotator=request.user, reason=reason)
        state = AssignmentStateSerializer(skipped).data
        return Response(state | _next_of(request, wanted, skipped.campaign))


class Release(Work):
    """Give the task back; it may come again."""

    @extend_schema(request=None, responses=AssignmentStateSerializer)
    def post(self, request: Request, pk: UUID) -> Response:
        return _state(releasing.release_assignment(assignment_id=pk, annotator=request.user))


class Heartbeat(Work):
    """Hold the task for another lease from now."""

    @extend_schema(request=None, responses=AssignmentStateSerializer)
    def post(self, request: Request, pk: UUID) -> Response:
        return _state(claiming.extend_lease(assignment_id=pk, annotator=request.user))


class Draft(Work):
    """Keep unfinished work with the assignment, also after its lease was lost.

    `If-Match` names the draft that this one follows: `draft_name` of the assignment, or the `ETag` of the answer
    before. Where another one was saved meanwhile the answer is 412, and that one stays. Without it, this one replaces
    whatever is there.
    """

    @extend_schema(request=DraftSerializer, parameters=[IF_MATCH], responses=DraftSerializer)
    def put(self, request: Request, pk: UUID) -> Response:
        draft, following = checked(DraftSerializer, request.data), following_of(request)
        kept = claiming.save_draft(assignment_id=pk, annotator=request.user, draft=draft, following=following)
        return Response(draft, headers={"ETag": f'"{kept.draft_name}"'})


def following_of(request: Request) -> Following | None:
    """The place of a draft after the one that a client names; None where it names none."""
    after = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    return named_after(after) if after and after != "*" else None


def _state(assignment: Assignment) -> Response:
    return Response(AssignmentStateSerializer(assignment).data)
