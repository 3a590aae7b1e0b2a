"""A recipe's configuration: a dataclass, filled from a JSON or YAML file, checked strictly before anything is loaded.

`python -m training.recipes.NAME --config run.json [--out DIR] [--dry-run [--json]]`. Each wrong entry ends the program
with one sentence on stderr and exit code 2; a problem found later, in the data say, with one sentence and exit code 1.
"""

import argparse
import dataclasses
import difflib
import json
import re
import sys
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union

import yaml

from training.modelling.artifacts import RecipeError
from training.modelling.plans import Plan, show

BAD_CONFIGURATION = 2
FAILED = 1
INTERRUPTED = 130
STOPPED = "Interrupted. The same command goes on from the last checkpoint, where there is one."
NO_MEMORY = (
    "There is not enough memory: lower 'tokens_at_once', or ask for 'gradient_checkpointing', 'lora_rank' or 'sharding'"
    " where the recipe has them"
)
LARGEST, LARGEST_WHOLE = sys.float_info.max, 2**63
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")

T = TypeVar("T")


class _Loader(yaml.SafeLoader):
    """Reads YAML with numbers as people write them: to YAML 1.1, 1e-3 is a text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


class ConfigError(ValueError):
    """A configuration is wrong; the message is one sentence that names the field."""


@dataclasses.dataclass(frozen=True)
class _MustExist:
    """Marks a string that names a file or directory."""


@dataclasses.dataclass(frozen=True)
class _MustBeModel:
    """Marks a string that names a model: a directory, or an id on the hub."""


ExistingPath = Annotated[str, _MustExist()]
"""A file or directory that must exist when the recipe starts."""

ModelSource = Annotated[str, _MustBeModel()]
"""A run directory, a directory made by `save_pretrained`, or a hub id ("name" or "owner/name")."""


def _arguments(config_type: type[Any], argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(config_type.__doc__ or "").strip().split("\n")[0])
    parser.add_argument(
        "--config", required=True, metavar="FILE", help="the fields of the recipe's configuration, as JSON or YAML"
    )
    parser.add_argument("--out", metavar="DIR", help="the run directory; overrides `out` in the file")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be done (tokens, steps, memory), and write nothing"
    )
    parser.add_argument("--json", action="store_true", help="with --dry-run: say it as one JSON object")
    arguments = parser.parse_args(argv)
    if arguments.json and not arguments.dry_run:
        parser.error("--json says how --dry-run speaks; give both.")
    return arguments


def _load(config_type: type[T], arguments: argparse.Namespace) -> T:
    """Read `--config FILE`; `--out DIR` overrides its field `out`. Ends the program with a sentence when it cannot."""
    try:
        values = _read(arguments.config)
        if arguments.out is not None:
            values["out"] = arguments.out
        return build_config(config_type, values)
    except ConfigError as error:
        print(f"{error}", file=sys.stderr)
        raise SystemExit(BAD_CONFIGURATION) from error


def build_config(config_type: type[T], values: Mapping[str, Any]) -> T:
    """Make a `config_type` of `values`; raise ConfigError at the first unknown, missing or ill-typed field."""
    hints = typing.get_type_hints(config_type, include_extras=True)
    fields = {field.name: field for field in dataclasses.fields(config_type)}  # type: ignore[arg-type]
    for name in values:
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"the fields are {', '.join(fields)}."
            raise ConfigError(f"The configuration has an unknown field {name!r}; {hint}")
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in values:
            raise ConfigError(f"The configuration lacks the field {name!r} ({describe(hints[name])}).")
    checked = {name: _check(name, value, hints[name]) for name, value in values.items()}
    try:
        return config_type(**checked)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _out_of_memory(error: Exception) -> bool:
    """Whether torch, on a GPU or a CPU, or Python itself found no more memory."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in said or "can't allocate memory" in said


def run_recipe(
    config_type: type[T],
    recipe: Callable[[T], Any],
    argv: list[str] | None = None,
    *,
    plan: Callable[[T], Plan] | None = None,
) -> None:
    """Load the configuration and run the recipe: what the last line of every recipe calls.

    With `--dry-run` say what it would do instead, as `plan` finds out; without `plan` that is the configuration. A
    RecipeError, and memory that does not suffice, become one sentence on stderr and exit code 1, Ctrl-C (SIGINT) one
    and exit code 130. SIGTERM keeps its default action: the process ends at once and leaves no manifest.
    """
    arguments = _arguments(config_type, argv)
    config = _load(config_type, arguments)
    try:
        if arguments.dry_run:
            print(show(config, plan(config) if plan else Plan(), as_json=arguments.json))
        else:
            recipe(config)
    except RecipeError as error:
        print(f"{error}", file=sys.stderr)
        raise SystemExit(FAILED) from error
    except (RuntimeError, MemoryError) as error:
        if not _out_of_memory(error):
            raise
        print(f"{NO_MEMORY}: {' '.join(str(error).split())[:200]}", file=sys.stderr)
        raise SystemExit(FAILED) from error
    except KeyboardInterrupt as error:
        print(STOPPED, file=sys.stderr)
        raise SystemExit(INTERRUPTED) from error


def require(condition: bool, sentence: str) -> None:
    """Raise ConfigError with `sentence` unless `condition` holds; for a dataclass's `__post_init__`."""
    if not condition:
        raise ConfigError(sentence)


def describe(hint: Any) -> str:
    """Say in words what a field of the annotated type `hint` takes."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return {_MustExist: "an existing path", _MustBeModel: "a model path or hub id"}[type(arguments[1])]
    if origin is Literal:
        return " or ".join(json.dumps(choice) for choice in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(describe(argument) for argument in arguments)
    if origin is dict:
        return f"an object of {describe(arguments[1])} by name"
    if origin is list:
        return f"a list of {describe(arguments[0])}"
    words = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}
    return words[hint]


def _read(path: str) -> dict[str, Any]:
    try:
        text = Path(path).read_text(encoding="utf-8")
        values = yaml.load(text, _Loader) if Path(path).suffix in (".yaml", ".yml") else json.loads(text)
    except OSError as error:
        raise ConfigError(f"The configuration {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"The configuration {path} is not UTF-8 text.") from error
    except json.JSONDecodeError as error:
        raise ConfigError(f"The configuration {path} is not JSON: {error.msg} in line {error.lineno}.") from error
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" in line {where.line + 1}" if where else ""
        raise ConfigError(f"The configuration {path} is not YAML: {getattr(error, 'problem', error)}{line}.") from error
    if not isinstance(values, dict):
        raise ConfigError(f"The configuration {path} must be an object with the recipe's fields.")
    for name in values:
        if not isinstance(name, str):
            raise ConfigError(f"The configuration {path} has a field {name!r}, whose name is not a text.")
    return values


def _check(name: str, value: Any, hint: Any) -> Any:
    """Return `value` as the type that `hint` asks for, or raise ConfigError."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        text = _check(name, value, arguments[0])
        _check_path(name, text, arguments[1])
        return text
    if origin in (Union, types.UnionType):
        fitting = [argument for argument in arguments if _fits(value, argument)]
        if not fitting:
            raise _wrong_type(name, value, hint)
        # A literal before a path: "world" is the demo's world even where a file of that name is missing.
        fitting.sort(key=lambda argument: typing.get_origin(argument) is not Literal)
        return _check(name, value, fitting[0])
    if not _fits(value, hint):
        raise _wrong_type(name, value, hint)
    if origin is dict:
        return {key: _check(f"{name}.{key}", item, arguments[1]) for key, item in value.items()}
    if origin is list:
        return [_check(f"{name}[{index}]", item, arguments[0]) for index, item in enumerate(value)]
    return float(value) if hint is float else value


def _fits(value: Any, hint: Any) -> bool:
    """Whether `value` is of the outer type `hint`; items of lists and objects are checked one by one later."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _fits(value, arguments[0])
    if origin is Literal:
        return any(value == choice and type(value) is type(choice) for choice in arguments)
    if hint is float:
        # JSON writes 1.0 as 1; a bool is an int to Python but not to the person who wrote the file.
        return type(value) in (int, float) and abs(value) <= LARGEST
    if hint is int:
        return type(value) is int and abs(value) < LARGEST_WHOLE
    return type(value) is (origin or hint)


def _check_path(name: str, value: str, marker: _MustExist | _MustBeModel) -> None:
    if not value:
        raise ConfigError(f"The field {name!r} is empty; it takes {describe(Annotated[str, marker])}.")
    exists = Path(value).exists()
    if isinstance(marker, _MustExist) and not exists:
        raise ConfigError(f"The field {name!r} names {value!r}, which does not exist.")
    if isinstance(marker, _MustBeModel) and not exists and not HUB_ID.fullmatch(value):
        raise ConfigError(f"The field {name!r} names {value!r}, which does not exist and is not a hub id.")


def _wrong_type(name: str, value: Any, hint: Any) -> ConfigError:
    shown = json.dumps(value, default=str)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return ConfigError(f"The field {name!r} takes {describe(hint)}, not {shown}.")
