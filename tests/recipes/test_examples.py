"""The configurations that docs and docstrings show are taken as they stand, once the paths in them are there."""

import importlib
import json
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest

from training import recipes
from training.modelling.configs import build_config

DOCS = Path(__file__).parents[2] / "docs" / "training.md"
NAMES = [module.name for module in pkgutil.iter_modules(recipes.__path__)]
BY_FOLDER = {"process": "process_reward", "instant": "instant_reward", "mid": "midtrain", "evaluation": "evaluate"}
BY_FOLDER |= {"samples": "sample"} | {name: name for name in NAMES}


def shown(text: str) -> list[dict[str, Any]]:
    """The JSON objects with a run directory that begin an indented line; what leaves something out ("...") is none."""
    found = []
    for start in re.finditer(r"^    (?=\{)", text, re.MULTILINE):
        try:
            found.append(json.JSONDecoder().raw_decode(text[start.end() :])[0])
        except json.JSONDecodeError:
            assert "..." in text[start.end() :].split("\n\n")[0], "an example that is neither whole nor says so"
    return [one for one in found if "out" in one]


EXAMPLES = {f"docs {number}": one for number, one in enumerate(shown(DOCS.read_text(encoding="utf-8")))}
for name in NAMES:
    documented = shown(importlib.import_module(f"training.recipes.{name}").__doc__)
    EXAMPLES |= {f"{name} {number}": one for number, one in enumerate(documented)}


def test_every_recipe_shows_a_configuration():
    assert {BY_FOLDER[Path(one["out"]).name] for one in EXAMPLES.values()} == set(NAMES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_a_configuration(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example = EXAMPLES[name]
    for path in set(re.findall(r'"((?:var|hub)/[^"]*|[\w.]+\.(?:jsonl|txt))"', json.dumps(example))):
        Path(path).mkdir(parents=True, exist_ok=True)
    recipe = importlib.import_module(f"training.recipes.{BY_FOLDER[Path(example['out']).name]}")
    (config,) = [kind for kind in vars(recipe).values() if _is_config_of(kind, recipe.__name__)]
    assert build_config(config, example).out == example["out"]


def _is_config_of(kind: Any, module: str) -> bool:
    return isinstance(kind, type) and kind.__name__.endswith("Config") and kind.__module__ == module
