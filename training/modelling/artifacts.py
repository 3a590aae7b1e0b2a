"""What a recipe leaves behind: metrics, progress, the artifact's files and a manifest that says where they came from.

Nothing here imports torch, so that the supervisor's side can read the same files with the same words.

    <out>/config.json    the resolved configuration
    <out>/metrics.jsonl  one JSON object a line: {"step": int, "time": unix seconds, name: number, ...}
    <out>/progress.json  {"fraction", "step", "steps", "message", "eta_s"}, replaced atomically
    <out>/checkpoints/   what an interrupted run goes on from; removed when it has finished
    <out>/offending_batch.json  the step at which a run stopped because its loss was no number, or ran away
    <out>/model/README.md  the model card, written of the manifest
    <out>/model/         save_pretrained of model and tokenizer, or other files of the artifact
    <out>/MANIFEST.json  written last: its presence means that the run finished
"""

import dataclasses
import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

from training.modelling import processes
from training.modelling.cards import CARD, KINDS, card
from training.modelling.errors import RecipeError

FORMAT = 1
SAID_EVERY = 10.0
"""Seconds between lines about progress on the terminal."""
MANIFEST = "MANIFEST.json"
# The records of a run differ between two runs that make the same artifact (times, paths); they stay out of its hash.
CHECKPOINTS = "checkpoints"
OFFENDING = "offending_batch.json"
RECORDS = frozenset({MANIFEST, "config.json", "metrics.jsonl", "progress.json", "log.txt"})
RECORDS |= {CHECKPOINTS, OFFENDING, CARD}
HASHED_AT_A_TIME = 1 << 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """One reported number with its n and its 95 % interval."""

    name: str
    """What was measured, e.g. "win_rate"."""
    value: float
    """The estimate."""
    n: int
    """How many independent units (prompts, say) the estimate rests on."""
    lo: float | None = None
    """Lower end of the 95 % interval; None only where an interval makes no sense, and `note` says why."""
    hi: float | None = None
    """Upper end of the 95 % interval."""
    subject: str = ""
    """Which model or data set the number is about, e.g. "dpo"."""
    against: str = ""
    """What it was compared with, e.g. "sft"."""
    unit: str = ""
    """Unit of value, lo and hi; empty for a proportion."""
    note: str = ""
    """How it was measured, or why it has no interval."""

    def __post_init__(self) -> None:
        if (self.lo is None) != (self.hi is None):
            raise ValueError(f"Result {self.name!r} has half an interval; give both lo and hi, or neither.")
        if self.lo is None and not self.note:
            raise ValueError(f"Result {self.name!r} has no interval; say why in its note.")

    def __str__(self) -> str:
        """The result as a line of the log."""
        interval = "" if self.lo is None else f" [{self.lo:.3f}, {self.hi:.3f}]"
        against = f" against {self.against}" if self.against else ""
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.subject}{against}: {self.name} {self.value:.3f}{interval}{unit} (n = {self.n})"

    def as_dict(self) -> dict[str, Any]:
        """Return the result as it stands in MANIFEST.json."""
        names = ("name", "subject", "against", "value", "lo", "hi", "n", "unit", "note")
        return {name: getattr(self, name) for name in names}


class RunDirectory:
    """The directory of one run. Creating it clears what an interrupted attempt left, except log.txt and checkpoints.

    Of several processes of one run only the first writes; the others' calls do nothing.
    """

    def __init__(self, out: str | Path) -> None:
        """Create `out`; raise RecipeError when it already holds a finished run or cannot be written."""
        if not str(out).strip():
            raise RecipeError("The field 'out' is empty; it takes the directory that the run is to make.")
        self.path = Path(out)
        if (self.path / MANIFEST).exists():
            raise RecipeError(f"{self.path} already holds a finished run; choose another `out`.")
        self.started_at = datetime.now(UTC)
        self._pace: tuple[int, int, float] | None = None
        self._said_at: float | None = None
        if not processes.leads():
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._clear_interrupted_attempt()
            (self.path / "metrics.jsonl").touch()
        except OSError as error:
            raise RecipeError(f"The run directory {self.path} cannot be written: {error.strerror}.") from error

    def _clear_interrupted_attempt(self) -> None:
        if not (self.path / "metrics.jsonl").exists():
            if self.model.exists():
                raise RecipeError(f"{self.model} was not made by a run and will not be replaced; choose another `out`.")
            return
        for stale in ("metrics.jsonl", "progress.json", OFFENDING):
            (self.path / stale).unlink(missing_ok=True)
        if self.model.exists():
            shutil.rmtree(self.model)

    @property
    def model(self) -> Path:
        """Where the model and its tokenizer are saved."""
        return self.path / "model"

    def metrics(self, step: int, **values: float | int | str | None) -> None:
        """Append one line to metrics.jsonl; raise RecipeError when a value is not finite."""
        line = {"step": step, "time": round(time.time(), 3), **values}
        try:
            text = json.dumps(line, allow_nan=False)
        except ValueError as error:
            raise RecipeError(f"Step {step} produced a number that is not finite: {line}.") from error
        if processes.leads():
            with (self.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
                file.write(text + "\n")

    def replace_metrics(self, lines: str) -> None:
        """Make metrics.jsonl what it was at the checkpoint that the run goes on from."""
        if processes.leads():
            (self.path / "metrics.jsonl").write_text(lines, encoding="utf-8")

    def progress(self, step: int, steps: int, message: str) -> None:
        """Say that `step` of `steps` is done; the time left follows from the pace since `steps` was first announced.

        Every ten seconds it is said on the terminal, too.
        """
        if not processes.leads():
            return
        now = time.monotonic()
        if self._pace is None or self._pace[0] != steps or step < self._pace[1]:
            self._pace = (steps, step, now)
        _, first, since = self._pace
        eta = (now - since) / (step - first) * (steps - step) if step > first else None
        state = {
            "fraction": round(step / steps, 4) if steps else 1.0,
            "step": step,
            "steps": steps,
            "message": message,
            "eta_s": None if eta is None else round(max(eta, 0.0), 1),
        }
        write_json(self.path / "progress.json", state)
        if self._said_at is None:
            self._said_at = now
        if now - self._said_at >= SAID_EVERY:
            self._said_at = now
            left = "" if eta is None else f", about {timedelta(seconds=round(eta))} left"
            print(f"{step} of {steps}: {message}{left}", flush=True)

    def write_config(self, config: Any) -> None:
        """Write the resolved configuration (a dataclass or a mapping) to config.json."""
        if processes.leads():
            write_json(self.path / "config.json", _as_mapping(config))

    def write_manifest(
        self,
        *,
        recipe: str,
        kind: str,
        config: Any,
        seed: int,
        inputs: Mapping[str, str],
        results: Sequence[Result],
    ) -> dict[str, Any]:
        """Say the results on the terminal, hash the artifact's files and write MANIFEST.json: a recipe's last act.

        `config` is a dataclass or a mapping, `inputs` maps a role ("base", "snapshot") to a hash from `hash_input`.
        Returns the manifest, which says how many processes were proven to take part.
        """
        self.write_config(config)
        files = hash_files(self.path, exclude=RECORDS)
        manifest = {
            "format": FORMAT,
            "recipe": recipe,
            "kind": kind,
            "config": _as_mapping(config),
            "seed": seed,
            "inputs": dict(inputs),
            "files": files,
            "sha256": _hash_listing(files),
            "results": [result.as_dict() for result in results],
            "processes": processes.count(),
            "versions": versions(),
            "started_at": self.started_at.isoformat(timespec="seconds"),
            "ended_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        self._write_card(manifest)
        for result in results:
            print(result)
        write_json(self.path / MANIFEST, manifest)
        shutil.rmtree(self.path / CHECKPOINTS, ignore_errors=True)
        print(f"{recipe} is done: {self.path}", flush=True)
        return manifest

    def _write_card(self, manifest: Mapping[str, Any]) -> None:
        if manifest["kind"] not in KINDS or not self.model.is_dir():
            return
        known = _manifest_at(manifest["config"].get("snapshot"))
        licence = manifest["config"].get("licence", "unknown")
        text = card(manifest, snapshot=known, lineage=list(_ancestors(manifest)), licence=licence)
        (self.path / CARD).write_text(text, encoding="utf-8")


def _ancestors(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the manifests of the run that this one started from, of that one's, and so on, as far as they are here."""
    seen = set()
    while (parent := _manifest_at(manifest["config"].get("base"))) and parent.get("sha256") not in seen:
        # What lies there now may be another model than the one that was started from.
        if parent.get("sha256") != manifest["inputs"].get("base") or "recipe" not in parent:
            return
        seen.add(parent["sha256"])
        yield parent
        manifest = parent


def _manifest_at(source: str | None) -> dict[str, Any] | None:
    """The manifest of a run, of the run whose model this is, or of a snapshot; None where there is none."""
    if not source:
        return None
    path = Path(source)
    for place in (path, path.parent) if path.name == "model" else (path,):
        if (place / MANIFEST).exists():
            return read_manifest(place)
    return None


def is_record(name: str) -> bool:
    """Whether a file, by its path in the run directory, tells of the run and is no part of what it made."""
    return bool({name, name.split("/")[0]} & RECORDS)


def read_manifest(path: str | Path) -> dict[str, Any]:
    """Return the manifest of a finished run or snapshot; raise RecipeError when there is none that can be read."""
    file = Path(path) / MANIFEST
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RecipeError(f"{path} has no {MANIFEST}: it is not a finished run or snapshot.") from error
    except json.JSONDecodeError as error:
        raise RecipeError(f"{file} is not JSON (line {error.lineno}): the file is damaged.") from error


def hash_file(path: str | Path) -> str:
    """Return the hex sha256 of a file's bytes."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(HASHED_AT_A_TIME):
            digest.update(block)
    return digest.hexdigest()


def hash_files(path: str | Path, *, exclude: frozenset[str] = frozenset()) -> dict[str, str]:
    """Map each file under `path` to its sha256, in order of relative path; `exclude` names files and folders at
    the top."""
    root = Path(path)
    files = {file.relative_to(root).as_posix(): file for file in root.rglob("*") if file.is_file()}
    return {name: hash_file(files[name]) for name in sorted(files) if not {name, name.split("/")[0]} & exclude}


def hash_directory(path: str | Path) -> str:
    """Return one sha256 over the names and contents of all files under `path`."""
    if not Path(path).is_dir():
        raise RecipeError(f"{path} is not a directory, so it has no hash.")
    return _hash_listing(hash_files(path))


def hash_input(source: str | Path) -> str:
    """Return what identifies an input of a run.

    For a finished run, its `model` directory or a snapshot: the sha256 of its manifest, so that a child's inputs equal
    its parent's hash. For any other directory or file: the hash of the contents. For a hub id: "hub:<id>".
    """
    path = Path(source)
    if path.is_file():
        return hash_file(path)
    if not path.is_dir():
        return f"hub:{source}"
    for place in (path, path.parent) if path.name == "model" else (path,):
        if (place / MANIFEST).exists():
            manifest = read_manifest(place)
            if "sha256" not in manifest:
                raise RecipeError(f"{place / MANIFEST} has no sha256: it is not the manifest of a run or a snapshot.")
            return manifest["sha256"]
    return hash_directory(path)


def versions() -> dict[str, str]:
    """Return the versions of what made the artifact."""
    return {"python": platform.python_version()} | {
        package: metadata.version(package) for package in ("torch", "transformers", "trl")
    }


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file atomically: a reader sees the old one or the new one, never half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    temporary.replace(path)


def _as_mapping(config: Any) -> dict[str, Any]:
    return dataclasses.asdict(config) if dataclasses.is_dataclass(config) else dict(config)


def _hash_listing(files: Mapping[str, str]) -> str:
    listing = "".join(f"{name}\0{digest}\n" for name, digest in sorted(files.items()))
    return hashlib.sha256(listing.encode()).hexdigest()
