"""Making campaigns and filling them with tasks."""

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max

from annotate.errors import DomainError
from annotate.hashing import sha256_of
from annotate.models import Campaign, Completion, Guideline, Prompt, Task, TaskCompletion, User
from annotate.rankings import MAX_COMPLETIONS, MIN_COMPLETIONS

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
) -> Campaign:
    """A new, open campaign under the newest version of a guideline. Raises DomainError when that is not possible."""
    guideline = Guideline.objects.filter(slug=guideline_slug).order_by("-version").first()
    if guideline is None:
        raise DomainError(f"There is no guideline named {guideline_slug!r}; run sync_guidelines or choose another.")
    if guideline.kind != kind:
        raise DomainError(
            f"The guideline {guideline_slug!r} is for {guideline.get_kind_display().lower()}, but the campaign is for"
            f" {kind!r}; choose a guideline of that kind."
        )
    if not (1 <= overlap <= MAX_SMALL and 1 <= lease_minutes <= MAX_SMALL):
        raise DomainError(f"A campaign's overlap and lease must be from 1 to {MAX_SMALL}.")
    campaign = Campaign(
        slug=slug,
        name=name,
        kind=kind,
        guideline=guideline,
        overlap=overlap,
        lease_minutes=lease_minutes,
        description=description,
        created_by=by,
    )
    try:
        # The slug becomes part of addresses: one that is none would break every page that links to the campaign.
        campaign.clean_fields(exclude=["created_by"])
    except ValidationError as error:
        field, (first, *_) = next(iter(error.message_dict.items()))
        raise DomainError(f"A campaign cannot have the {field} {getattr(campaign, field)!r}: {first}") from error
    try:
        with transaction.atomic():
            campaign.save(force_insert=True)
            return campaign
    except IntegrityError as error:
        raise DomainError(f"There is already a campaign named {slug!r}; choose another name.") from error


def add_task(
    *, campaign: Campaign, prompt: Prompt, completions: Sequence[Completion] = (), target: int | None = None
) -> tuple[Task, bool]:
    """The campaign's task with this prompt and this set of completions, and whether it is new.

    Raises DomainError for a ranking task without 2..9 different completions of the prompt, and for a demonstration
    task with any.
    """
    _check_completions(campaign, prompt, completions)
    content = sha256_of([prompt.sha256, sorted(completion.sha256 for completion in completions)])
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
        )
        TaskCompletion.objects.bulk_create(
            TaskCompletion(task=task, completion=completion, position=position)
            for position, completion in enumerate(completions)
        )
    return task, True


def _check_completions(campaign: Campaign, prompt: Prompt, completions: Sequence[Completion]) -> None:
    if campaign.kind == Campaign.Kind.DEMONSTRATION:
        if completions:
            raise DomainError("A demonstration task has no completions: the annotator writes one.")
        return
    if not MIN_COMPLETIONS <= len(completions) <= MAX_COMPLETIONS:
        raise DomainError(
            f"A ranking task needs {MIN_COMPLETIONS} to {MAX_COMPLETIONS} completions; this one has {len(completions)}."
        )
    if any(completion.prompt_id != prompt.pk for completion in completions):
        raise DomainError("A completion belongs to another prompt; a task ranks completions of one prompt.")
    if len({completion.sha256 for completion in completions}) < len(completions):
        raise DomainError("Two completions have the same text; leave one out: nobody can rank a text against itself.")


def set_campaign_state(*, campaign: Campaign, state: str) -> Campaign:
    """Pause, reopen or close a campaign. Raises DomainError when the state machine has no such arrow."""
    sources = [source for source, targets in MOVES.items() if state in targets]
    if not Campaign.objects.filter(pk=campaign.pk, state__in=sources).update(state=state):
        raise DomainError(f"The campaign {campaign.slug!r} is {campaign.state}; it cannot become {state}.")
    campaign.refresh_from_db()
    return campaign


def use_guideline(*, campaign: Campaign, guideline: Guideline) -> Campaign:
    """Put the campaign under another guideline version, for tasks claimed from now on."""
    if guideline.kind != campaign.kind:
        raise DomainError(
            f"The guideline {guideline.slug!r} is for {guideline.get_kind_display().lower()}; choose another."
        )
    Campaign.objects.filter(pk=campaign.pk).update(guideline=guideline)
    campaign.refresh_from_db()
    return campaign
