"""Bringing files of prompts, completions and rankings in. What is already there stays: import is idempotent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.errors import DomainError
from annotate.hashing import prompt_sha256, sha256_of
from annotate.importing import Answer, ImportFileError, Item, read_file
from annotate.models import Campaign, Guideline, Judgement, Producer, Prompt, Task, User
from annotate.rankings import MIN_COMPLETIONS, dense_ranks
from annotate.services.campaigns import K_OF_KIND, add_task, create_campaign, steps_of
from annotate.services.claiming import claim_task
from annotate.services.corpus import add_completion, add_producer, add_prompt, check_language, other_language
from annotate.services.guidelines import guideline_of_imports
from annotate.services.judging import submit_ranking
from annotate.services.people import create_annotator

# Rows in one transaction. On SQLite a transaction keeps every other writer waiting: it must be over in a moment.
BATCH = 50

# What a file may hold, and the kinds of campaigns that it can be imported into: the first when nothing else is said.
KINDS = {
    "rows with steps": ("steps",),
    "rows with completions": ("ranking", "rating", "revision", "steps"),
    "prompts alone": ("demonstration",),
}
RATED = "hth7"
"""What a new rating campaign asks unless it is told otherwise: the preset with the axes of its guideline."""


@dataclass(slots=True)
class ImportReport:
    """What an import did. A file that was imported before gives zeros and the same totals."""

    campaign: Campaign
    format: str
    bad_rows: list[str]
    n_items: int
    new_tasks: int = 0
    new_judgements: int = 0


def import_file(
    *,
    path: Path,
    campaign_slug: str,
    by: User | None,
    kind: str = "",
    form: Mapping[str, Any] | None = None,
    campaign_name: str = "",
    format: str = "auto",
    guideline_slug: str = "",
    overlap: int = 3,
    k: int | None = None,
    domain: str = "",
    language: str = "",
    annotator: str = "",
    limit: int | None = None,
    skip_bad_rows: bool = False,
    most: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImportReport:
    """Import a file into a campaign, which is made, with this kind and form, if it is new.

    `kind` may stay out where the campaign exists or the rows say it: with steps, with completions (then they are to
    rank), or prompts alone (then people write).
    More than `most` prompts are refused. `k` takes that many completions of each prompt (always the same ones). Ranks
    in the file become judgements by the account `annotator` (made if it is new; it cannot log in). `progress` is called
    with (done items, items). Raises DomainError, before anything is written, when a row or the request is not
    acceptable.
    """
    for name, value, least in (("limit", limit, 1), ("k", k, MIN_COMPLETIONS)):
        if value is not None and value < least:
            raise DomainError(f"The option {name} is {value}; it must be at least {least}.")
    try:
        parsed = read_file(path, format=format, skip_bad_rows=skip_bad_rows)
    except ImportFileError as error:
        raise DomainError(str(error)) from error
    language = check_language(language)
    items = [_take(item, k) for item in parsed.items[:limit]]
    if most is not None and len(items) > most:
        raise DomainError(
            _("%(file)s holds %(given)d prompts; at most %(most)d are taken at once. Split the file.")
            % {"file": path.name, "given": len(items), "most": most}
        )
    found = Campaign.objects.filter(slug=campaign_slug).first()
    kind = _kind(items, kind, found)
    _check(items, kind, path)
    _check_languages(items, language, path)
    campaign = found or create_campaign(
        slug=campaign_slug,
        name=campaign_name or path.name,
        kind=kind,
        guideline_slug=guideline_slug or kind,
        overlap=overlap,
        form=form or _plain_form(kind),
        by=by,
    )
    writer = _Writer(campaign, by, domain, language, annotator or f"imported-{campaign_slug}")
    report = ImportReport(campaign, parsed.format, parsed.bad_rows, len(items))
    for start in range(0, len(items), BATCH):
        with transaction.atomic():
            for item in items[start : start + BATCH]:
                new_task, new_judgement = writer.write(item)
                report.new_tasks += new_task
                report.new_judgements += new_judgement
        progress(min(start + BATCH, len(items)), len(items))
    return report


def _take(item: Item, k: int | None) -> Item:
    """The item with `k` of its completions in the file's order, chosen by hash: a re-import chooses the same."""
    if k is None or len(item.answers) <= k:
        return item
    chosen = sorted(item.answers, key=lambda answer: sha256_of([item.messages[-1]["content"], answer.text]))[:k]
    answers = [answer for answer in item.answers if answer in chosen]
    return replace(item, answers=tuple(_with_dense_ranks(answers)))


def _with_dense_ranks(answers: Sequence[Answer]) -> list[Answer]:
    if any(answer.rank is None for answer in answers):
        return list(answers)
    ranks = dense_ranks({place: answer.rank for place, answer in enumerate(answers)})
    return [Answer(answer.text, answer.producer, ranks[place]) for place, answer in enumerate(answers)]


def _kind(items: Sequence[Item], asked: str, campaign: Campaign | None) -> str:
    """The kind of campaign that these items go into. Raises DomainError when the campaign is of another one."""
    first = items[0]
    held = "rows with steps" if first.steps else "rows with completions" if first.answers else "prompts alone"
    if asked and asked not in KINDS[held]:
        raise DomainError(
            f"The file holds {held}, which a campaign of the kind {asked} cannot use. Such rows are for"
            f" {' or '.join(KINDS[held])}. Nothing was imported."
        )
    wanted = asked or (campaign.kind if campaign and campaign.kind in KINDS[held] else KINDS[held][0])
    if campaign and campaign.kind != wanted:
        raise DomainError(
            f"The campaign {campaign.slug!r} is for {campaign.get_kind_display().lower()}, but the file holds {wanted}"
            " tasks; choose another campaign. Nothing was imported."
        )
    return wanted


def _plain_form(kind: str) -> dict[str, Any]:
    return {"axes": RATED} if kind == Campaign.Kind.RATING else {}


def _check(items: Sequence[Item], kind: str, path: Path) -> None:
    """Refuse, before anything is written, what would be refused in the middle."""
    low, high = K_OF_KIND[kind]
    for item in items:
        count = len(item.answers)
        if not low <= count <= high:
            needed = f"{low} to {high}" if low < high else f"exactly {low}" if low else "none"
            raise DomainError(
                f"{path.name}, row {item.row}: {count} different completions; a {kind} task has {needed}. Choose some"
                " of them with --k, or correct the row. Nothing was imported."
            )
        if kind == Campaign.Kind.STEPS:
            try:
                steps_of(item.answers[0].text, item.steps)
            except DomainError as error:
                raise DomainError(f"{path.name}, row {item.row}: {error} Nothing was imported.") from error


def _check_languages(items: Sequence[Item], language: str, path: Path) -> None:
    """Refuse a prompt in two languages: one here and one in the corpus, or both here."""
    known: dict[str, str] = {}
    given = [(prompt_sha256(item.messages), item.language or language, item.row) for item in items]
    for start in range(0, len(given), 500):
        hashes = [sha256 for sha256, _tag, _row in given[start : start + 500]]
        known.update(Prompt.objects.filter(sha256__in=hashes).exclude(language="").values_list("sha256", "language"))
    for sha256, tag, row in given:
        if tag and known.setdefault(sha256, tag) != tag:
            refusal = other_language(known=known[sha256], given=tag)
            raise DomainError(f"{path.name}, row {row}: {refusal} Nothing was imported.")


class _Writer:
    """Writes items, remembering the producers and the account that a whole file shares."""

    def __init__(self, campaign: Campaign, by: User | None, domain: str, language: str, annotator: str):
        self.campaign = campaign
        self.by = by
        self.domain = domain
        self.language = language
        self.annotator_name = annotator
        self.annotator: User | None = None
        self.guideline: Guideline | None = None
        self.producers: dict[str, Producer] = {}

    def write(self, item: Item) -> tuple[bool, bool]:
        """Add the item; returns whether its task and its judgement are new."""
        prompt = add_prompt(
            messages=item.messages,
            domain=item.domain or self.domain,
            language=item.language or self.language,
            warnings=item.warnings,
            by=self.by,
        )
        completions = [
            add_completion(prompt=prompt, producer=self._producer(answer.producer), text=answer.text, by=self.by)
            for answer in item.answers
        ]
        task, new_task = add_task(campaign=self.campaign, prompt=prompt, completions=completions, steps=item.steps)
        if item.ranks is None or self.campaign.kind != Campaign.Kind.RANKING:
            return new_task, False
        ranks = dict(zip((completion.pk for completion in completions), item.ranks, strict=True))
        return new_task, self._judge(task, ranks)

    def _producer(self, name: str) -> Producer:
        if name not in self.producers:
            self.producers[name] = add_producer(name=name, kind=Producer.Kind.IMPORTED)
        return self.producers[name]

    def _judge(self, task: Task, ranks: dict[int, int]) -> bool:
        """Enter the file's ranking through the services that people's rankings go through. False if it is there."""
        if self.annotator is None or self.guideline is None:
            self.annotator = User.objects.filter(username=self.annotator_name).first() or create_annotator(
                username=self.annotator_name
            )
            self.guideline = guideline_of_imports()
        if Judgement.objects.filter(task=task, annotator=self.annotator).exists():
            return False
        assignment = claim_task(task=task, annotator=self.annotator, guideline=self.guideline)
        if assignment is None:
            return False
        submit_ranking(assignment_id=assignment.pk, annotator=self.annotator, ranks=ranks, seconds=0)
        return True
