"""Adding to the corpus. Everything is idempotent: the content hash decides whether something is new."""

from collections.abc import Mapping, Sequence

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from annotate.errors import DomainError
from annotate.hashing import completion_sha256, prompt_sha256
from annotate.languages import LanguageError, parse_language
from annotate.models import Completion, ContentWarning, Domain, Producer, Prompt, User
from annotate.models.corpus import validate_messages
from annotate.services.queues import requeue


def add_prompt(
    *,
    messages: Sequence[Mapping[str, str]],
    by: User | None,
    domain: str = "",
    language: str = "",
    warnings: Sequence[str] = (),
) -> Prompt:
    """The prompt with these messages, made if it is new. `domain` is a slug; it is made if it is new too.

    `language` is a BCP 47 tag, which a known prompt takes if it has none. `warnings` are kinds of distressing content;
    they are added to those that a known prompt has. Raises DomainError when the messages are not a conversation that
    ends with the user's turn, a kind is not known, or the language is none, or not the one that the prompt has.
    """
    language = check_language(language)
    try:
        validate_messages(messages)
    except ValidationError as error:
        raise DomainError(error.message) from error
    kinds = check_kinds(warnings)
    prompt = Prompt.objects.filter(sha256=prompt_sha256(messages)).first()
    if prompt is None:
        defaults = {
            "messages": list(messages),
            "created_by": by,
            "domain": _domain(domain) if domain else None,
            "language": language,
        }
        prompt = Prompt.objects.get_or_create(sha256=prompt_sha256(messages), defaults=defaults)[0]
    if language and prompt.language != language:
        say_language(prompt=prompt, language=language)
    if kinds:
        rows = [ContentWarning(prompt=prompt, kind=kind) for kind in kinds]
        ContentWarning.objects.bulk_create(rows, ignore_conflicts=True)
        requeue(prompt=prompt)
    return prompt


def check_language(tag: str) -> str:
    """The tag in its one spelling; empty where none is given. Raises DomainError for one that names no language."""
    try:
        return parse_language(tag) if tag else ""
    except LanguageError as error:
        raise DomainError(_(error.sentence) % error.values) from error


def say_language(*, prompt: Prompt, language: str) -> None:
    """Say which language a prompt is in, as far as nobody has said; then its tasks wait for those who read it.

    Raises DomainError when it is known to be in another one.
    """
    if Prompt.objects.filter(pk=prompt.pk, language="").update(language=language):
        prompt.language = language
        requeue(prompt=prompt)
        return
    prompt.refresh_from_db(fields=["language"])
    if prompt.language != language:
        raise DomainError(other_language(known=prompt.language, given=language))


def other_language(*, known: str, given: str) -> str:
    """Why a prompt cannot be in the language given."""
    return _(
        "This prompt is in the language %(known)r already and cannot be in %(given)r, too; correct the language, or"
        " leave it out."
    ) % {"known": known, "given": given}


def check_kinds(kinds: Sequence[str]) -> list[str]:
    """The kinds of distressing content, each once. Raises DomainError for one that is not known."""
    for kind in kinds:
        if kind not in ContentWarning.Kind.values:
            raise DomainError(
                _("There is no content warning %(kind)r; there are %(known)s.")
                % {"kind": str(kind)[:40], "known": ", ".join(ContentWarning.Kind.values)}
            )
    return list(dict.fromkeys(kinds))


def _domain(slug: str) -> Domain:
    return Domain.objects.get_or_create(slug=slug, defaults={"name": slug.replace("-", " ").replace("_", " ").title()})[
        0
    ]


def add_producer(*, name: str, kind: str) -> Producer:
    """The imported model or policy of this name, made if it is new. Raises DomainError if it is of another kind."""
    producer = Producer.objects.get_or_create(name=name, defaults={"kind": kind})[0]
    if producer.kind != kind:
        raise DomainError(
            _("The producer %(name)r is already known as %(kind)s; use another name.")
            % {"name": name, "kind": producer.get_kind_display().lower()}
        )
    return producer


def person_as_producer(*, user: User) -> Producer:
    """The producer that stands for what this person writes."""
    return Producer.objects.get_or_create(
        user=user, defaults={"name": f"person {user.pk}", "kind": Producer.Kind.PERSON}
    )[0]


def add_completion(*, prompt: Prompt, producer: Producer, text: str, by: User | None) -> Completion:
    """This producer's completion with this text, made if it is new. Raises DomainError when the text is empty."""
    if not text.strip():
        raise DomainError(
            _("The completion by %(name)r is empty; leave it out or give its text.") % {"name": producer.name}
        )
    return Completion.objects.get_or_create(
        prompt=prompt,
        producer=producer,
        sha256=completion_sha256(text),
        defaults={"text": text, "created_by": by},
    )[0]
