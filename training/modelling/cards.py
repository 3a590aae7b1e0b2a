"""The model card beside the weights: what a model was made of and what was measured, from the manifest of its run.

`model/README.md` in the format of the hub's model cards (Mitchell et al. 2019, "Model Cards for Model Reporting",
FAT*): a YAML head that programs read, then sections for people. Everything in it stands in a manifest; nothing is
claimed that was not measured, and a licence is unknown until somebody says otherwise.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

CARD = "model/README.md"
KINDS = {
    "policy": ("transformers", "text-generation"),
    "reward": ("transformers", "text-classification"),
    "process_reward": ("transformers", "token-classification"),
    "instant_reward": ("scikit-learn", "text-classification"),
}
"""What the hub calls the library and the task of what a run makes; other kinds are no models."""
LIMITS = (
    "It learnt from the judgements of the people counted above, under their guidelines; what they did not see, or"
    " disagreed about, it does not know.",
    "The figures are of this snapshot's held-out prompts and say nothing about other subjects, languages or users.",
    "It has not been tested for safety, bias or private data beyond what the figures say.",
)
TITLES = {
    "policy": "a policy that answers prompts",
    "reward": "a reward model that scores answers",
    "process_reward": "a process reward model that scores the steps of solutions",
    "instant_reward": "a reward that is linear in the words of answers",
}


def card(
    manifest: Mapping[str, Any],
    *,
    snapshot: Mapping[str, Any] | None,
    lineage: Sequence[Mapping[str, Any]],
    licence: str = "unknown",
) -> str:
    """Return the card of the run that this manifest is of.

    `snapshot` is the manifest of what was learnt, if there is one, and `lineage` the manifests of the models that the
    run started from, the nearest first.
    """
    recipe, kind = manifest["recipe"], manifest["kind"]
    library, task = KINDS[kind]
    head = {
        "library_name": library,
        "license": licence,
        "pipeline_tag": task,
        "tags": ["concord", recipe, kind],
    }
    sections = [
        f"# {recipe} {manifest['sha256'][:12]}",
        f"This is {TITLES[kind]}, made by Concord's recipe `{recipe}` with seed {manifest['seed']}. sha256 of the"
        f" artifact: `{manifest['sha256']}`.",
        _section("Data", _data(manifest, snapshot)),
        _section("Results", _results(manifest["results"])),
        _section("Limits", [f"- {limit}" for limit in _limits(manifest)]),
        _section("Lineage", _lineage(manifest, lineage)),
        _section("Configuration", ["```json", json.dumps(manifest["config"], indent=1, ensure_ascii=False), "```"]),
        _section("Versions", [f"- {name} {version}" for name, version in manifest["versions"].items()]),
    ]
    return f"---\n{yaml.safe_dump(head, sort_keys=True)}---\n\n" + "\n\n".join(sections) + "\n"


def _section(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"## {title}", "", *lines])


def _data(manifest: Mapping[str, Any], snapshot: Mapping[str, Any] | None) -> list[str]:
    lines = [f"- {role}: `{digest}`" for role, digest in manifest["inputs"].items()] or ["- none but the demo's world"]
    if snapshot is None:
        return lines
    if campaigns := snapshot.get("selection", {}).get("campaigns"):
        lines.append(f"- campaigns: {', '.join(campaigns)}, judged until {snapshot['selection'].get('until')}")
    if "annotators" in snapshot:
        lines.append(f"- annotators: {snapshot['annotators']}")
    for text in snapshot.get("guidelines", []):
        lines.append(f"- guideline: {text['slug']}, version {text['version']}")
    for table, counts in snapshot.get("counts", {}).items():
        lines.append(f"- {table}: {', '.join(f'{count:,} {split}' for split, count in counts.items())}")
    return lines


def _results(results: Sequence[Mapping[str, Any]]) -> list[str]:
    if not results:
        return ["Nothing was measured."]
    rows = ["| figure | of | value | 95 % interval | n | how |", "|---|---|---|---|---|---|"]
    for one in results:
        interval = "none" if one["lo"] is None else f"{one['lo']:.4g} to {one['hi']:.4g}"
        of = f"{one['subject']} against {one['against']}" if one["against"] else one["subject"]
        value = f"{one['value']:.4g} {one['unit']}".strip()
        cells = (one["name"], of, value, interval, str(one["n"]), one["note"])
        rows.append("| " + " | ".join(_cell(text) for text in cells) + " |")
    return rows


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _limits(manifest: Mapping[str, Any]) -> list[str]:
    found = list(LIMITS)
    if not any(one["lo"] is not None for one in manifest["results"]):
        found.append("No figure has an interval: too little was held out to measure.")
    return found


def _lineage(manifest: Mapping[str, Any], lineage: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [f"1. this model: `{manifest['recipe']}` `{manifest['sha256'][:12]}`"]
    for number, parent in enumerate(lineage, start=2):
        lines.append(f"{number}. made from `{parent['recipe']}` `{parent['sha256'][:12]}`, seed {parent['seed']}")
    oldest = lineage[-1] if lineage else manifest
    if outside := oldest["inputs"].get("base"):
        lines.append(f"{len(lineage) + 2}. which started from `{outside}`, of which nothing more is known here")
    return lines
