"""How a run was made: everything a reader needs to repeat it or to doubt it."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.plan.types import Asset
from harness.report.noise import noise_words
from harness.report.text import moment, plural
from harness.report.view import RunView

_ORIGINS = ("file", "url", "world", "box")  # where an input comes from: the keys of its source


@dataclass(frozen=True)
class Section:
    """A heading with facts (name, value) under it; ``code`` is shown as it is."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    code: str | None = None


def provenance(view: RunView, *, public: bool = False) -> tuple[Section, ...]:
    """The sections of "How it was made", in the order they are read; empty ones are left out.

    Args:
        view: the run.
        public: leave out what is of use on this machine only.
    """
    found = (
        _run(view, public=public),
        Section("Spec", code=view.plan.spec_text),
        Section("Defaults that the spec did not name", _facts(view.plan.resolved_defaults)),
        Section("Refused combinations", tuple((_knobs(r.swept), r.reason) for r in view.plan.refused)),
        Section("Inputs", tuple(_input(asset) for asset in view.plan.assets.values())),
        Section("Weights", _weights(view)),
        Section("Scores", _scores(view)),
        Section("Schedulers as loaded", _schedulers(view)),
        Section("Reused", _reused(view)),
        Section("Prompts that were cut", _cut(view)),
        Section("Notes", _notes(view)),
        Section("MLflow", _tracking(view, public=public)),
        Section("Environment", _facts(view.run.environment)),
    )
    return tuple(section for section in found if section.facts or section.code)


def _notes(view: RunView) -> tuple[tuple[str, str], ...]:
    """What the plan said, what the machine's noise was found to be, and what was noted of each cell."""
    of_cells = [(cell.label, note) for cell in view.records for note in cell.notes]
    noise = [("A/A noise of this environment", line) for line in noise_words(view)]
    return (*(("plan", note) for note in view.plan.notes), *noise, *of_cells)


def _run(view: RunView, *, public: bool) -> Section:
    run = view.run
    facts = [
        ("run", f"{run.run_id} ({run.name})"),
        ("command", placeless(run.command) if public else run.command),
        ("started", moment(run.started_ms)),
        ("finished", moment(run.finished_ms) or "not yet"),
        ("status", run.status),
        ("spec", f"{_without_folders(view.plan.spec_path)} (digest {view.plan.spec_digest[:12]})"),
        ("pictures", f"{view.pictures_a_cell} in each of {len(view.cells)} cells"),
        *_solutions(view),
        ("environment", run.environment_digest[:12] or "not recorded"),
    ]
    return Section("Run", tuple(facts))


def _solutions(view: RunView) -> list[tuple[str, str]]:
    counts = [len(view.rows_of(cell)) for cell in view.solutions]
    return (
        [("converged solutions", f"{plural(sum(counts), 'picture')} of {plural(len(counts), 'cell')}")]
        if counts
        else []
    )


def placeless(command: str) -> str:
    """A command without the place of its store, which is nobody else's."""
    return re.sub(r" --store(=| +)('[^']*'|\S+)", "", command)


def _without_folders(path: str) -> str:
    """An absolute path's last part: where a person keeps their files is nobody's business."""
    return Path(path).name if Path(path).is_absolute() else path


def _facts(mapping: dict[str, Any], prefix: str = "") -> tuple[tuple[str, str], ...]:
    """A nested mapping as flat facts, names joined by dots, in the mapping's order."""
    facts: list[tuple[str, str]] = []
    for key, value in mapping.items():
        name = f"{prefix}{key}"
        facts += _facts(value, f"{name}.") if isinstance(value, dict) and value else [(name, _plain(value))]
    return tuple(facts)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _knobs(swept: dict[str, str | int | float]) -> str:
    return ", ".join(f"{knob} {value}" for knob, value in swept.items())


def _input(asset: Asset) -> tuple[str, str]:
    """A picture, mask or map that pictures start from: what it is and its digest; size, origin, what is done to it."""
    source = dict(asset.source)
    kind = str(source.pop("as", "picture"))
    origin = [f"{name} {_without_folders(str(source.pop(name)))}" for name in _ORIGINS if name in source]
    size = "not fetched" if asset.pending else f"{asset.mode} {asset.width}×{asset.height} px"
    rest = [f"{name} {text}" for name, text in _facts(source)]
    return f"{kind} {asset.key[:12]}", ", ".join([*origin, size, *rest])


def _weights(view: RunView) -> tuple[tuple[str, str], ...]:
    """Each part's place, revision and digest, with the model it belongs to where there are several."""
    several = len(view.plan.models) > 1
    facts: dict[str, str] = {}
    for cell in view.done:
        for part, what in cell.weights.items():
            name = f"{cell.settings.model} {part}" if several else part
            facts[name] = (
                ", ".join(text for _, text in _facts({k: v for k, v in what.items() if v is not None}))
                if isinstance(what, dict)
                else _plain(what)
            )
    return tuple(facts.items())


def _scores(view: RunView) -> tuple[tuple[str, str], ...]:
    made: dict[str, str] = {}
    for cell in view.done:
        for score in cell.scores:
            made.setdefault(
                score.name, ", ".join(f"{key} {text}" for key, text in _facts(score.made_by)) or "not recorded"
            )
    return tuple(made.items())


def _schedulers(view: RunView) -> tuple[tuple[str, str], ...]:
    return tuple(
        dict.fromkeys((str(c.scheduler.get("class_name", "")), _plain(c.scheduler)) for c in view.done if c.scheduler)
    )


def _cut(view: RunView) -> tuple[tuple[str, str], ...]:
    """Row and text encoder → the words that it dropped, each once, whatever the number of cells."""
    return tuple(
        dict.fromkeys(
            (f"{row_id}, {encoder}", words)
            for cell in view.records
            for row_id, dropped in cell.truncated.items()
            for encoder, words in dropped.items()
        )
    )


def _reused(view: RunView) -> tuple[tuple[str, str], ...]:
    """Whose results were taken over, and from when; a resumed run's own earlier part is its own."""
    pictures: Counter[tuple[str, str]] = Counter()
    timings: Counter[tuple[str, str]] = Counter()
    for cell in view.records:
        for batch in cell.batches:
            if batch.made_in != view.run.run_id:
                pictures[(batch.made_in, batch.made_at[:10])] += len(batch.rows)
        if cell.timing and cell.timing.measured_in != view.run.run_id:
            timings[(cell.timing.measured_in, cell.timing.measured_at[:10])] += 1
    facts = [(plural(n, "picture"), f"made in run {run}, {day}") for (run, day), n in sorted(pictures.items())]
    return (
        *facts,
        *(
            (f"timing of {plural(n, 'cell')}", f"measured in run {run}, {day}")
            for (run, day), n in sorted(timings.items())
        ),
    )


def _tracking(view: RunView, *, public: bool) -> tuple[tuple[str, str], ...]:
    """Where the run is in MLflow; how to look at a database on this machine is left out of what is published."""
    path = view.store.tracking_path(view.run.run_id)
    if not path.is_file():
        return ()
    try:
        sent: dict[str, Any] = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        return (("not known", f"{path.name} cannot be read"),)
    known = {"experiment": sent.get("experiment"), "run": sent.get("parent_run_id"), "page": sent.get("page")}
    if not known["page"] and not public:
        known["look at it"] = f'mlflow ui --backend-store-uri "{sent.get("tracking_uri")}"'
    return _facts({name: value for name, value in known.items() if value})
