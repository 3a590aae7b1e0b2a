"""Making campaigns and filling them with tasks."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from annotate.errors import DomainError
from annotate.forms import WRITING, FormError, parse_form, with_presets
from annotate.hashing import sha256_of
from annotate.models import (
    Campaign,
    Completion,
    Demonstration,
    Guideline,
    Prompt,
    Task,
    TaskCompletion,
    User,
)
from annotate.rankings import MAX_COMPLETIONS, MIN_COMPLETIONS
from annotate.services.queues import queue_for
from annotate.steps import MAX_STEPS, split_steps

MAX_SMALL = 32_767  # what a small integer holds on every database
MOVES = {
    Campaign.State.OPEN: {Campaign.State.PAUSED, Campaign.State.CLOSED},
    Campaign.State.PAUSED: {Campaign.State.OPEN, Campaign.State.CLOSED},
    Campaign.State.CLOSED: set(),
}


def create_campaign(
    *,
    slug: str,
    name: str,
    kind: str,
    guideline_slug: str,
    by: User | None,
    overlap: int = 3,
    lease_minutes: int = 30,
    description: str = "",
    form: Mapping[str, Any] | None = None,
    source: Campaign | None = None,
) -> Campaign:
    """A new, open campaign under the newest version of a guideline. Raises DomainError when that is not possible."""
    guideline = Guideline.objects.filter(slug=guideline_slug).order_by("-version").first()
    if guideline is None:
        raise DomainError(
            _("There is no guideline named %(name)r; run sync_guidelines or choose another.") % {"name": guideline_slug}
        )
    if guideline.kind != kind:
        raise DomainError(
            _(
                "The guideline %(name)r is for %(of)s, but the campaign is for %(kind)r; choose a guideline of that"
                " kind."
            )
            % {"name": guideline_slug, "of": guideline.get_kind_display().lower(), "kind": kind}
        )
    if not (1 <= overlap <= MAX_SMALL and 1 <= lease_minutes <= MAX_SMALL):
        raise DomainError(_("A campaign's overlap and lease must be from 1 to %(most)s.") % {"most": MAX_SMALL})
    campaign = Campaign(
        slug=slug,
        name=name,
        kind=kind,
        guideline=guideline,
        overlap=overlap,
        lease_minutes=lease_minutes,
        description=description,
        form={} if form is None else form,
        source=source,
        created_by=by,
    )
    _check_form(campaign)
    try:
        # The slug becomes part of addresses: one that is none would break every page that links to the campaign.
        campaign.clean_fields(exclude=["created_by"])
    except ValidationError as error:
        field, (first, *_others) = next(iter(error.message_dict.items()))
        raise DomainError(
            _("A campaign cannot have the %(field)s %(value)r: %(why)s")
            % {"field": field, "value": getattr(campaign, field), "why": first}
        ) from error
    try:
        with transaction.atomic():
            campaign.save(force_insert=True)
            return campaign
    except IntegrityError as error:
        raise DomainError(
            _("There is already a campaign named %(name)r; choose another name.") % {"name": slug}
        ) from error


def _check_form(campaign: Campaign) -> None:
    """Refuse what would break every page of the campaign: a form that cannot be read, a review of nothing.

    Presets are written out, so that the form stays what it is when their texts change.
    """
    try:
        parse_form(campaign.kind, campaign.form)
        campaign.form = with_presets(campaign.form)
    except FormError as error:
        raise DomainError(_(error.sentence) % error.values) from error
    if refusal := wrong_source(campaign.kind, campaign.source):
        raise DomainError(refusal)


def wrong_source(kind: str, source: Campaign | None) -> str:
    """Why a campaign of this kind cannot have this source; empty when it can."""
    if (kind == Campaign.Kind.REVIEW) != (source is not None):
        return _("A review campaign, and no other, names the campaign whose demonstrations it reviews.")
    if source and source.kind not in WRITING:
        return _("Only demonstrations and revisions are reviewed; %(campaign)s has none.") % {"campaign": source.name}
    return ""


def add_task(
    *,
    campaign: Campaign,
    prompt: Prompt,
    completions: Sequence[Completion] = (),
    target: int | None = None,
    steps: Sequence[str] = (),
    demonstration: Demonstration | None = None,
    purpose: str = Task.Purpose.WORK,
) -> tuple[Task, bool]:
    """The campaign's task with this prompt and this set of completions, and whether it is new.

    `steps` are those of the solution, in a steps campaign (without them it is split); `demonstration` is what a review
    task reviews. Raises DomainError when the number of completions is not what the kind shows, they are not different
    completions of the prompt, or the steps are not the solution's.
    """
    _check_completions(campaign, prompt, completions)
    if campaign.kind == Campaign.Kind.STEPS:
        steps = steps_of(completions[0].text, steps)
    if (campaign.kind == Campaign.Kind.REVIEW) != (demonstration is not None):
        raise DomainError(_("A review task, and no other, names the demonstration that it reviews."))
    content = [prompt.sha256, sorted(completion.sha256 for completion in completions)]
    if demonstration:  # two people may have written the same; each demonstration is reviewed
        content.append(demonstration.pk)
    content = sha256_of(content)
    found = Task.objects.filter(campaign=campaign, content_sha256=content).first()
    if found:
        return found, False
    with transaction.atomic():
        # The campaign's row is locked by this no-op UPDATE, so that two importers don't take one position.
        Campaign.objects.filter(pk=campaign.pk).update(overlap=campaign.overlap)
        last = Task.objects.filter(campaign=campaign).aggregate(last=Max("position"))["last"]
        task = Task.objects.create(
            campaign=campaign,
            prompt=prompt,
            content_sha256=content,
            position=0 if last is None else last + 1,
            k=len(completions),
            target=target or campaign.overlap,
            steps=list(steps),
            demonstration=demonstration,
            purpose=purpose,
            queue=queue_for(campaign=campaign, prompt=prompt, purpose=purpose),
        )
        TaskCompletion.objects.bulk_create(
            TaskCompletion(task=task, completion=completion, position=position)
            for position, completion in enumerate(completions)
        )
    return task, True


def steps_of(solution: str, steps: Sequence[str] = ()) -> list[str]:
    """The steps of a solution: these, or where it can be split. Raises DomainError when they are not its own."""
    found = list(steps) or split_steps(solution)
    if "".join(found) != solution or not all(step.strip() for step in found):
        raise DomainError(_("The steps, joined, must be the solution, and none of them may be blank."))
    if len(found) > MAX_STEPS:
        raise DomainError(
            _("The solution has %(given)d steps; a task has at most %(most)d. Give fewer steps, each with more in it.")
            % {"given": len(found), "most": MAX_STEPS}
        )
    return found


K_OF_KIND = {
    Campaign.Kind.RANKING: (MIN_COMPLETIONS, MAX_COMPLETIONS),
    Campaign.Kind.RATING: (1, MAX_COMPLETIONS),
    Campaign.Kind.DEMONSTRATION: (0, 0),
    Campaign.Kind.REVISION: (1, 1),
    Campaign.Kind.REVIEW: (1, 1),
    Campaign.Kind.STEPS: (1, 1),
}


def _check_completions(campaign: Campaign, prompt: Prompt, completions: Sequence[Completion]) -> None:
    low, high = K_OF_KIND[campaign.kind]
    if not low <= len(completions) <= high:
        if high == 0:
            raise DomainError(_("A demonstration task has no completions: the annotator writes one."))
        raise DomainError(
            _("A %(kind)s task needs %(low)d to %(high)d completions; this one has %(given)d.")
            % {
                "kind": campaign.get_kind_display().lower(),
                "low": low,
                "high": high,
                "given": len(completions),
            }
        )
    if any(completion.prompt_id != prompt.pk for completion in completions):
        raise DomainError(_("A completion belongs to another prompt; a task shows completions of one prompt."))
    if len({completion.sha256 for completion in completions}) < len(completions):
        raise DomainError(
            _("Two completions have the same text; leave one out: nobody can compare a text with itself.")
        )


def set_campaign_state(*, campaign: Campaign, state: str) -> Campaign:
    """Pause, reopen or close a campaign. Raises DomainError when the state machine has no such arrow."""
    sources = [source for source, targets in MOVES.items() if state in targets]
    if not Campaign.objects.filter(pk=campaign.pk, state__in=sources).update(state=state):
        raise DomainError(
            _("The campaign %(name)r is %(state)s; it cannot become %(other)s.")
            % {
                "name": campaign.slug,
                "state": campaign.get_state_display().lower(),
                "other": Campaign.State(state).label.lower(),
            }
        )
    campaign.refresh_from_db()
    return campaign
