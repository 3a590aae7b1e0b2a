"""A wrong configuration is refused with one sentence that names the field."""

import json
from dataclasses import dataclass, field
from typing import Literal

import pytest

from training.modelling.artifacts import RecipeError
from training.modelling.configs import (
    ConfigError,
    ExistingPath,
    ModelSource,
    build_config,
    require,
    run_recipe,
)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A sample."""

    out: str
    base: ModelSource = "gpt2"
    corpus: Literal["world"] | ExistingPath = "world"
    source: Literal["a", "b"] = "a"
    lr: float = 0.1
    steps: int = 1
    flag: bool = False
    limit: int | None = None
    policies: dict[str, ModelSource] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        require(self.lr > 0, "The field 'lr' must be above 0.")


def loaded(argv: list[str]) -> Sample:
    """What a recipe is given that is started with these arguments."""
    given: list[Sample] = []
    run_recipe(Sample, given.append, argv)
    return given[0]


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"learning": 1}, "unknown field 'learning'; the fields are out, base"),
        ({"step": 1}, "unknown field 'step'; did you mean 'steps'?"),
        ({"lr": True}, "The field 'lr' takes a number, not true."),
        ({"lr": "1"}, "The field 'lr' takes a number, not \"1\"."),
        ({"lr": float("nan")}, "The field 'lr' takes a number, not NaN."),
        ({"lr": -1}, "The field 'lr' must be above 0."),
        ({"steps": 1.0}, "The field 'steps' takes a whole number, not 1.0."),
        ({"lr": 10**400}, "The field 'lr' takes a number, not 1000"),
        ({"steps": 2**63}, "The field 'steps' takes a whole number, not 9223372036854775808."),
        ({"flag": 1}, "The field 'flag' takes true or false, not 1."),
        ({"limit": "x"}, "The field 'limit' takes a whole number or null, not \"x\"."),
        ({"source": "c"}, 'The field \'source\' takes "a" or "b", not "c".'),
        ({"corpus": "/no/such"}, "The field 'corpus' names '/no/such', which does not exist."),
        ({"base": "/no/such"}, "which does not exist and is not a hub id"),
        ({"base": ""}, "The field 'base' is empty"),
        ({"policies": {"x": 3}}, "The field 'policies.x' takes a text, not 3."),
        ({"sizes": [1, "2"]}, "The field 'sizes[1]' takes a whole number, not \"2\"."),
    ],
)
def test_it_names_what_is_wrong_with_a_field(entry, sentence):
    with pytest.raises(ConfigError) as caught:
        build_config(Sample, {"out": "x", **entry})
    assert sentence in str(caught.value)


def test_it_names_a_missing_field():
    with pytest.raises(ConfigError, match=r"lacks the field 'out' \(a text\)"):
        build_config(Sample, {})


def test_it_takes_right_values_and_keeps_defaults(tmp_path):
    built = build_config(
        Sample, {"out": "x", "lr": 1, "corpus": str(tmp_path), "limit": None, "policies": {"p": "owner/name"}}
    )
    assert built == Sample(out="x", lr=1.0, corpus=str(tmp_path), policies={"p": "owner/name"})
    assert type(built.lr) is float


def test_it_lets_the_command_line_choose_the_run_directory(tmp_path):
    (tmp_path / "c.json").write_text(json.dumps({"out": "x"}))
    assert loaded(["--config", str(tmp_path / "c.json"), "--out", "y"]).out == "y"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "is not JSON: Expecting property name"),
        (b"[1]", "must be an object"),
        (b"\xff", "is not UTF-8 text"),
        (None, "cannot be read: No such file"),
    ],
)
def test_it_ends_the_program_with_a_sentence_and_code_2(tmp_path, capsys, content, sentence):
    file = tmp_path / "c.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SystemExit) as caught:
        loaded(["--config", str(file)])
    assert caught.value.code == 2
    printed = capsys.readouterr().err
    assert sentence in printed
    assert printed.count("\n") == 1


def test_it_reads_yaml_as_it_reads_json(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("# of tonight\nout: x\nlr: 1e-3\nsource: b\npolicies: {p: owner/name}\nsizes: [1, 2]\nlimit:\n")
    assert loaded(["--config", str(file)]) == Sample(
        out="x", lr=1e-3, source="b", policies={"p": "owner/name"}, sizes=[1, 2]
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("out: [x", "is not YAML: expected ',' or ']', but got '<stream end>' in line 1."),
        ("- x", "must be an object"),
        ("1: x", "has a field 1, whose name is not a text"),
        ("out: x\nlr: yes", "The field 'lr' takes a number, not true."),
        ("out: x\nsteps: 1e3", "The field 'steps' takes a whole number, not 1000.0."),
        ("out: !!python/object/apply:os.getcwd []", "is not YAML: could not determine a constructor"),
    ],
)
def test_it_is_as_strict_with_yaml(tmp_path, capsys, content, sentence):
    (tmp_path / "c.yml").write_text(content)
    with pytest.raises(SystemExit):
        loaded(["--config", str(tmp_path / "c.yml")])
    assert sentence in capsys.readouterr().err


def test_it_ends_a_run_that_cannot_go_on_with_a_sentence_and_code_1(tmp_path, capsys):
    def recipe(config: Sample) -> None:
        raise RecipeError("There is nothing to learn.")

    (tmp_path / "c.json").write_text(json.dumps({"out": "x"}))
    with pytest.raises(SystemExit) as caught:
        run_recipe(Sample, recipe, ["--config", str(tmp_path / "c.json")])
    assert caught.value.code == 1
    assert capsys.readouterr().err == "There is nothing to learn.\n"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "The same command goes on from the last checkpoint"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), 1, "lower 'tokens_at_once'"),
        (MemoryError(), 1, "There is not enough memory"),
    ],
)
def test_it_ends_with_a_sentence_where_it_is_interrupted_or_out_of_memory(tmp_path, capsys, error, code, said):
    def recipe(config):
        raise error

    (tmp_path / "run.json").write_text('{"out": "x"}')
    with pytest.raises(SystemExit) as ended:
        run_recipe(Sample, recipe, ["--config", str(tmp_path / "run.json")])
    assert ended.value.code == code
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1


def test_it_does_not_hide_an_error_of_its_own(tmp_path):
    def recipe(config):
        raise RuntimeError("a mistake of the program")

    (tmp_path / "run.json").write_text('{"out": "x"}')
    with pytest.raises(RuntimeError, match="a mistake"):
        run_recipe(Sample, recipe, ["--config", str(tmp_path / "run.json")])
