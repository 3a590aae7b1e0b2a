"""Snapshots: asking for one, and freezing it."""

import logging
import os
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Prefetch, prefetch_related_objects
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotate.errors import DomainError
from annotate.models import Adjudication, Campaign, Guideline, Judgement, Review, User
from annotate.weight_queries import counted
from training.exporting import ExportedJudgement, SnapshotWriter, describe_counts
from training.modelling.artifacts import FORMAT, MANIFEST, write_json
from training.models import Snapshot
from training.services.decided import Decisions
from training.services.messages import send
from training.services.rows import COMPLETIONS, exported, exported_after, exported_decision
from training.services.weighing import read_votes
from training.version import code_version
from training.weighing import Votes

State = Snapshot.State
RESEND_AFTER = timedelta(seconds=15)
JUDGEMENTS_AT_A_TIME = 500
SAID = (
    "annotator",
    "guideline",
    "task__campaign",
    "task__prompt__domain",
    "demonstration__completion__prompt__domain",
    "demonstration__revision__original",
)
WRITING = (Campaign.Kind.DEMONSTRATION, Campaign.Kind.REVISION)
NOTHING_JUDGED = gettext_lazy(
    "There is nothing to freeze: nobody has judged anything in %(campaigns)s. Rank some tasks first."
)
ONLY_REVIEWS = gettext_lazy(
    "%(campaigns)s only reviews what others wrote: choose the campaign that is reviewed; its reviews count there."
)
NO_ROWS = gettext_lazy(
    "There is nothing to freeze: what was judged in %(campaigns)s is returned or cannot be ranked, so it gives no rows."
)

logger = logging.getLogger(__name__)


class SnapshotTaken(Exception):
    """The row was given to another attempt; what this one has written goes."""


def request_snapshot(*, campaigns: Iterable[Campaign], by: User | None) -> Snapshot:
    """A new snapshot of everything judged in these campaigns until now; a worker freezes it.

    Raises DomainError when no campaign is given or none of them has a judgement.
    """
    slugs = sorted({campaign.slug for campaign in campaigns})
    if not slugs:
        raise DomainError(_("A snapshot needs at least one campaign; choose which."))
    judged = Judgement.objects.of_work().filter(task__campaign__slug__in=slugs)
    if judged.exists() and not judged.exclude(task__campaign__kind=Campaign.Kind.REVIEW).exists():
        raise DomainError(ONLY_REVIEWS % {"campaigns": ", ".join(slugs)})
    if not judged.exists():
        raise DomainError(NOTHING_JUDGED % {"campaigns": ", ".join(slugs)})
    now = timezone.now()
    snapshot = Snapshot.objects.create(
        selection={"campaigns": slugs, "until": now.isoformat()},
        heartbeat_at=now,
        created_by=by,
        message="Waiting for a worker.",
    )
    send("freeze_snapshot", snapshot.pk)
    return snapshot


def retry_snapshot(*, snapshot_id: int) -> bool:
    """Queue a failed snapshot again; False when it has not failed."""
    failed = Snapshot.objects.filter(pk=snapshot_id, state=State.FAILED)
    if not failed.update(
        state=State.QUEUED, attempt=F("attempt") + 1, message="Waiting for a worker.", heartbeat_at=timezone.now()
    ):
        return False
    send("freeze_snapshot", snapshot_id)
    return True


def freeze_snapshot(*, snapshot_id: int) -> None:
    """Export a queued snapshot; anything that is not queued is left alone, so that messages may come twice."""
    snapshot = Snapshot.objects.filter(pk=snapshot_id, state=State.QUEUED).first()
    if snapshot is None or not _move(snapshot, State.QUEUED, state=State.FREEZING, message="Reading the judgements."):
        return
    for left_behind in settings.SNAPSHOT_DIR.glob(f".tmp-{snapshot.pk}-*"):
        shutil.rmtree(left_behind, ignore_errors=True)
    folder = settings.SNAPSHOT_DIR / f".tmp-{snapshot.pk}-{snapshot.attempt}-{os.getpid()}"
    try:
        manifest = _export(snapshot, folder)
        publish_folder(folder, settings.SNAPSHOT_DIR / manifest["sha256"])
        counted = describe_counts(manifest["counts"])
        _hold(snapshot, state=State.READY, sha256=manifest["sha256"], manifest=manifest, message=counted)
    except SnapshotTaken:
        logger.warning("Snapshot %s was given to another worker; this one stops.", snapshot.pk)
    except DomainError as error:
        _move(snapshot, State.FREEZING, state=State.FAILED, message=str(error))
    except Exception as error:
        _move(snapshot, State.FREEZING, state=State.FAILED, message=f"The export stopped: {error}")
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move(snapshot: Snapshot, source: str, **fields: Any) -> bool:
    """Change the row while it is this attempt's and in the state `source`; False when it is not."""
    mine = Snapshot.objects.filter(pk=snapshot.pk, attempt=snapshot.attempt, state=source)
    return mine.update(heartbeat_at=timezone.now(), **fields) == 1


def _hold(snapshot: Snapshot, **fields: Any) -> None:
    if not _move(snapshot, State.FREEZING, **fields):
        raise SnapshotTaken


class _Gathered:
    """The rows of a snapshot, one judgement after the other, and what its manifest says of them in the end."""

    def __init__(self, votes: Votes, decisions: Decisions):
        self.votes, self.decisions = votes, decisions
        self.guidelines: dict[str, dict[str, Any]] = {}
        self.annotators: set[int] = set()
        self.reviews: Counter[str] = Counter()

    def row_of(self, judgement: Judgement) -> ExportedJudgement | None:
        """What a judgement gives, after its review; None where a decision stands in for it."""
        if self.decisions.replace(judgement):
            return None
        if decision := self.decisions.of_review(judgement):
            self.reviews[decision.answer["decision"]] += 1
            said, row = judgement, exported_after(decision, judgement, self.votes)
            by = decision if row and row.seconds is None else judgement
        else:
            if review := newest_review(judgement):
                self.reviews[review.decision] += 1
            said = by = reviewed(judgement)
            row = exported(said, self.votes) if said else None
        if row:
            self.annotators.add(said.annotator_id)
            self._under(by.guideline)
        return row

    def decided_row(self, decision: Adjudication, annotators: Collection[int]) -> ExportedJudgement | None:
        """What a decided task gives."""
        row = exported_decision(decision, self.votes, annotators)
        if row:
            self._under(decision.guideline)
        return row

    def _under(self, text: Guideline) -> None:
        self.guidelines[text.sha256] = {"slug": text.slug, "version": text.version, "sha256": text.sha256}


def _export(snapshot: Snapshot, folder: Path) -> dict[str, Any]:
    """Write the tables and the manifest into `folder`; returns the manifest."""
    slugs, until = snapshot.selection["campaigns"], datetime.fromisoformat(snapshot.selection["until"])
    _hold(snapshot, message="Weighing the votes.")
    votes, weights = read_votes(campaigns=slugs, until=until, alive=lambda: _hold(snapshot))
    gathered = _Gathered(votes, Decisions(campaigns=slugs, until=until))
    done = 0
    with SnapshotWriter(folder) as writer:
        for batch in judgements_until(campaigns=slugs, until=until):
            for row in map(gathered.row_of, batch):
                if row:
                    writer.add(row)
            done += len(batch)
            _hold(snapshot, message=f"Writing: {done} judgements so far.")
        for decided in gathered.decisions.batches():
            for decision, replaced in decided:
                if row := gathered.decided_row(decision, replaced):
                    writer.add(row)
            _hold(snapshot)
    if not done:
        raise DomainError(NOTHING_JUDGED % {"campaigns": ", ".join(slugs)})
    content = writer.content
    if not any(sum(rows.values()) for rows in content.counts.values()):
        raise DomainError(NO_ROWS % {"campaigns": ", ".join(slugs)})
    manifest = {
        "format": FORMAT,
        "sha256": content.sha256,
        "selection": snapshot.selection,
        "guidelines": sorted(gathered.guidelines.values(), key=lambda text: (text["slug"], text["version"])),
        "counts": content.counts,
        "ties": content.ties,
        "reviews": {decision: gathered.reviews[decision] for decision in Review.Decision.values},
        "annotators": len(gathered.annotators),
        "decisions": gathered.decisions.described(),
        "weights": weights,
        "code_version": code_version(),
    }
    write_json(folder / MANIFEST, manifest)
    return manifest


READ_BESIDE: dict[str, list] = {
    Campaign.Kind.STEPS: ["step_labels", COMPLETIONS],
    Campaign.Kind.RANKING: ["ratings", "flags", "spans", COMPLETIONS],
    Campaign.Kind.RATING: ["ratings", "flags", "spans", COMPLETIONS],
}
"""What a kind's judgements need beside their rankings: read once a batch."""


def judgements_until(*, campaigns: Collection[str], until: datetime) -> Iterator[list[Judgement]]:
    """The judgements that counted at `until`, oldest first, in batches: each is a query of its own, and no transaction
    stays open between them.

    A judgement counts unless a correction had superseded it by then, or its task is gold, which measures people and
    trains nothing. Reviews come with what they review: they have no rows of their own. Completions come by a join:
    Django's prefetch of more than 999 rows through a foreign key is a query that SQLite refuses ("Expression tree is
    too large").
    """
    then = counted(Judgement.objects.of_work(), until)
    judgements = (
        then.filter(task__campaign__slug__in=list(campaigns))
        .exclude(task__campaign__kind=Campaign.Kind.REVIEW)
        .select_related(*SAID)
        .prefetch_related(
            "ranked",
            Prefetch(
                "demonstration__reviews",
                Review.objects.filter(judgement__in=then)
                .select_related(*(f"judgement__{path}" for path in SAID))
                .order_by("-judgement_id"),
            ),
        )
        .order_by("pk")
    )
    last = 0
    while batch := list(judgements.filter(pk__gt=last)[:JUDGEMENTS_AT_A_TIME]):
        for kind, lookups in READ_BESIDE.items():
            prefetch_related_objects([one for one in batch if one.task.campaign.kind == kind], *lookups)
        yield batch
        last = batch[-1].pk


def newest_review(judgement: Judgement) -> Review | None:
    """The review that decides about a demonstration: the newest one, if there is any."""
    if judgement.task.campaign.kind not in WRITING:
        return None
    return next(iter(judgement.demonstration.reviews.all()), None)


def reviewed(judgement: Judgement) -> Judgement | None:
    """The judgement that speaks for this one after its review: itself; the reviewer's, who edited it; or, when it was
    returned to its author, none."""
    review = newest_review(judgement)
    if review is None or review.decision == Review.Decision.ACCEPT:
        return judgement
    return review.judgement if review.decision == Review.Decision.EDIT else None


def publish_folder(folder: Path, target: Path) -> None:
    """Give a finished folder its name, all at once; the same content may be there already."""
    try:
        folder.rename(target)
    except OSError:
        if not (target / MANIFEST).exists():
            raise


def reap_snapshots() -> None:
    """Queue what a dead worker left half-frozen again, and repeat messages that nobody fetched."""
    now = timezone.now()
    lost_before = now - timedelta(seconds=settings.LOST_AFTER_SECONDS)
    for snapshot in Snapshot.objects.filter(state=State.FREEZING, heartbeat_at__lt=lost_before):
        _requeue(snapshot, lost_before)
    silent = Snapshot.objects.filter(state=State.QUEUED, heartbeat_at__lt=now - RESEND_AFTER)
    for snapshot in silent:
        if _move(snapshot, State.QUEUED):
            send("freeze_snapshot", snapshot.pk, expires=2 * RESEND_AFTER.total_seconds())


def _requeue(snapshot: Snapshot, lost_before: datetime) -> None:
    stale = Snapshot.objects.filter(
        pk=snapshot.pk, attempt=snapshot.attempt, state=State.FREEZING, heartbeat_at__lt=lost_before
    )
    with transaction.atomic():
        if snapshot.attempt >= settings.MAX_ATTEMPTS:
            message = f"The worker died in each of {snapshot.attempt} attempts; look at its log, then try again."
            stale.update(state=State.FAILED, message=message)
            return
        if stale.update(
            state=State.QUEUED,
            attempt=F("attempt") + 1,
            heartbeat_at=timezone.now(),
            message="The worker died; waiting for another.",
        ):
            send("freeze_snapshot", snapshot.pk)
