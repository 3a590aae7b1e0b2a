"""An annotator's own assignment, with what belongs to it, in one statement."""

from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from annotate.errors import NotFound
from annotate.models import Assignment, Campaign, Guideline, Prompt, Task, User
from annotate.services.queues import QUEUES
from annotate.statements import Columns, prepared, run, run_all

PROMPT = Columns(Prompt, "p", "id", "messages", "domain", "language")
ASSIGNMENT = Columns(Assignment, "a")
TASK = Columns(Task, "t")
CAMPAIGN = Columns(Campaign, "ca", leave_out=["description"])
GUIDELINE = Columns(Guideline, "g", leave_out=["summary", "body"])
WHOLE_GUIDELINE = Columns(Guideline, "g")
OWN = """FROM annotate_assignment a
JOIN annotate_task t ON t.id = a.task_id JOIN annotate_campaign ca ON ca.id = a.campaign_id
JOIN annotate_guideline g ON g.id = a.guideline_id JOIN annotate_prompt p ON p.id = t.prompt_id
WHERE a.id = %(id)s AND a.annotator_id = %(annotator)s"""
OWN_TO_SUBMIT = f"SELECT {ASSIGNMENT.sql}, {TASK.sql}, {CAMPAIGN.sql}, {GUIDELINE.sql} {OWN}"
OWN_TO_SHOW = f"SELECT {ASSIGNMENT.sql}, {TASK.sql}, {CAMPAIGN.sql}, {WHOLE_GUIDELINE.sql}, {PROMPT.sql} {OWN}"


CAMPAIGN_OF = "(SELECT campaign_id FROM annotate_assignment WHERE id = %(id)s)"
HELD_OR_ASKED = f"""SELECT EXISTS (SELECT 1 FROM annotate_assignment a WHERE a.annotator_id = %(annotator)s
    AND a.campaign_id = {CAMPAIGN_OF} AND a.state = 'claimed' AND a.id <> %(id)s),
(SELECT m.state FROM annotate_membership m WHERE m.user_id = %(annotator)s AND m.campaign_id = {CAMPAIGN_OF})"""
QUEUES_OF = QUEUES.replace("%(campaign)s", CAMPAIGN_OF)


@dataclass(frozen=True, slots=True)
class OwnTurn:
    """An annotator's assignment, and what decides about the one after it."""

    assignment: Assignment
    has_another: bool
    """Whether they hold another one in its campaign."""
    membership: str | None
    """How they stand in its campaign."""
    queues: list[tuple]
    """The rows of QUEUES of its campaign."""


def own_turn(*, assignment_id: UUID, annotator: User) -> OwnTurn:
    """`own_assignment`, with what decides about the one after it. Raises NotFound as that does."""
    params = {"id": prepared(Assignment._meta.pk, assignment_id), "annotator": annotator.pk}
    own, asked, queues = run_all((OWN_TO_SUBMIT, params), (HELD_OR_ASKED, params), (QUEUES_OF, params))
    assignment = _read(own.rows, annotator, to_show=False)
    [[has_another, membership]] = asked.rows
    return OwnTurn(assignment, bool(has_another), membership, queues.rows)


def own_assignment(*, assignment_id: UUID, annotator: User, to_show: bool = False) -> Assignment:
    """This annotator's assignment, with the texts of prompt and guideline at hand where it is to be shown.

    Raises NotFound when it does not exist or is somebody else's.
    """
    params = {"id": prepared(Assignment._meta.pk, assignment_id), "annotator": annotator.pk}
    return _read(run(OWN_TO_SHOW if to_show else OWN_TO_SUBMIT, params), annotator, to_show=to_show)


def _read(rows: list[tuple], annotator: User, *, to_show: bool) -> Assignment:
    if not rows:
        raise NotFound(_("There is no such assignment of yours; take the next task from the campaign’s page."))
    values = iter(rows[0])
    assignment, task, campaign = (part.read(values) for part in (ASSIGNMENT, TASK, CAMPAIGN))
    guideline = (WHOLE_GUIDELINE if to_show else GUIDELINE).read(values)
    if to_show:
        task.prompt = PROMPT.read(values)
    return joined(assignment, task, campaign, guideline, annotator)


def joined(assignment: Assignment, task: Task, campaign: Campaign, guideline: Guideline, annotator: User) -> Assignment:
    """The assignment with what belongs to it at hand."""
    task.campaign = assignment.campaign = campaign
    assignment.task, assignment.guideline, assignment.annotator = task, guideline, annotator
    return assignment
