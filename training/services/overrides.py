"""What somebody wants otherwise in one pipeline, checked before it starts; the recipes check their own fields."""

from collections.abc import Collection, Mapping
from typing import Any

from django.utils.translation import gettext as _

from annotate.errors import DomainError
from training import gate
from training.candidates import BY_DEFAULT, CANDIDATES
from training.models import Run

Recipe = Run.Recipe
STAGES = (Recipe.BASE, Recipe.SFT, Recipe.REWARD, Recipe.EVALUATE, Recipe.SAMPLE, Recipe.UNCERTAINTY)
"""Those of every pipeline, whatever its candidates."""
KEYS = {*map(str, STAGES), *CANDIDATES, "candidates", "gate", "publish", "seed"}
PUBLISH = {"prompts": 40, "k": 4, "overlap": 3}
"""How many new prompts a pipeline asks about, how many completions each, and how many annotators."""
MAX_SEED = 2**31 - 1


def checked(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a pipeline with its seed; raises DomainError for what no pipeline takes."""
    if not isinstance(config, Mapping):
        raise DomainError(_('The pipeline\'s config must be an object, such as {"ppo": {"iterations": 30}}.'))
    _refuse_unknown(config, KEYS, _("The pipeline's config"))
    _check_seed(config.get("seed", 1))
    _check_candidates(config.get("candidates", list(BY_DEFAULT)), config)
    for name, fields in config.items():
        if name not in ("seed", "candidates") and not isinstance(fields, Mapping):
            raise DomainError(
                _("The pipeline's config of %(name)s is %(value)r; it must be an object with fields.")
                % {"name": name, "value": fields}
            )
    _check_publish(config.get("publish", {}))
    try:
        gate.Thresholds(**config.get("gate", {}))
    except TypeError as error:
        raise DomainError(_("The gate has no such threshold: %(error)s.") % {"error": error}) from error
    return {"seed": 1, **config}


def _check_seed(seed: Any) -> None:
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= MAX_SEED:
        raise DomainError(
            _("The pipeline's seed is %(seed)r; it must be a whole number from 0 to %(most)s.")
            % {"seed": seed, "most": MAX_SEED}
        )


def _check_candidates(names: Any, config: Mapping[str, Any]) -> None:
    """Refuse what is no list of different candidates, and fields of one that is not in it: nobody would read them."""
    known = ", ".join(CANDIDATES)
    if not isinstance(names, list) or not names:
        raise DomainError(
            _("The pipeline's candidates must be a list of one or more of these: %(known)s.") % {"known": known}
        )
    for number, name in enumerate(names):
        if not isinstance(name, str) or name not in CANDIDATES:
            raise DomainError(
                _("There is no candidate %(name)r; choose some of these: %(known)s.") % {"name": name, "known": known}
            )
        if name in names[:number]:
            raise DomainError(_("The candidate %(name)s is named twice; name it once.") % {"name": name})
    if idle := sorted(CANDIDATES.keys() & set(config) - set(names)):
        raise DomainError(
            _("The pipeline's config has fields of %(name)s, which is not one of its candidates: %(chosen)s.")
            % {"name": idle[0], "chosen": ", ".join(names)}
        )


def _check_publish(publish: Mapping[str, Any]) -> None:
    _refuse_unknown(publish, PUBLISH, _("The pipeline's config of publish"))
    for name, value in publish.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise DomainError(
                _("The pipeline's publish.%(name)s is %(value)r; it must be a whole number from 1.")
                % {"name": name, "value": value}
            )


def _refuse_unknown(given: Collection[str], known: Collection[str], what: str) -> None:
    if unknown := sorted(set(given) - set(known)):
        raise DomainError(
            _("%(what)s has an unknown key %(key)r; it takes %(known)s.")
            % {"what": what, "key": unknown[0], "known": ", ".join(sorted(known))}
        )
