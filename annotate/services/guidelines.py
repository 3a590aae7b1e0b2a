"""Guideline versions come from files; a version is inserted when its hash is new, and never changed."""

from pathlib import Path

from django.db import transaction
from django.db.models import Max

from annotate.errors import DomainError
from annotate.guideline_files import GuidelineError, load_guidelines
from annotate.hashing import sha256_of
from annotate.models import Guideline

ELSEWHERE = {
    "slug": "judged-elsewhere",
    "kind": Guideline.Kind.RANKING,
    "title": "Judged elsewhere",
    "summary": "The guideline of imported rankings, which Concord does not know.",
    "body": "These rankings came with an imported file. Under which guideline people made them, the file does not say.",
}


@transaction.atomic
def sync_guidelines(*, folder: Path) -> list[Guideline]:
    """Insert a version for each file whose text is new; returns the new ones.

    Raises DomainError, and inserts nothing, when a file is malformed.
    """
    try:
        files = load_guidelines(folder)
    except GuidelineError as error:
        raise DomainError(str(error)) from error
    new = []
    for file in files:
        versions = Guideline.objects.filter(slug=file.slug)
        if versions.filter(sha256=file.sha256).exists():
            continue
        last = versions.aggregate(last=Max("version"))["last"] or 0
        new.append(
            Guideline.objects.create(
                slug=file.slug,
                version=last + 1,
                sha256=file.sha256,
                kind=file.kind,
                title=file.title,
                summary=file.summary,
                body=file.body,
                flags=[{"name": flag.name, "label": flag.label, "meaning": flag.meaning} for flag in file.flags],
                checklist=[{"name": item.name, "label": item.label} for item in file.checklist],
            )
        )
    return new


def guideline_of_imports() -> Guideline:
    """What stands in for the guideline under which imported rankings were made."""
    return Guideline.objects.get_or_create(
        slug=ELSEWHERE["slug"], version=1, defaults={**ELSEWHERE, "sha256": sha256_of(ELSEWHERE)}
    )[0]
