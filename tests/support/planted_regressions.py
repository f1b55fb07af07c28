"""Six planted regressions through real runs, and what the gate says of each: the tables of docs/regression.md.

``nox -s planted`` makes a baseline and six runs, each with one fault in its processes, holds them against each other
with the real commands, and writes what they said between the marks of the page. ``-- --only channels`` tries one fault
and prints; ``-- --keep FOLDER`` keeps the stores.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import yaml
from support.planted import harness, planted_environment, planted_python
from support.planted_expected import SLOW, Found, failings, wrong_codes
from support.planted_faults import FAULTS
from support.planted_slow import slow_table

from harness.compare import words
from harness.compare.types import CellCompared, Finding
from harness.measure.environment import machine
from harness.report.markdown import escape, table_line
from harness.report.view import COSTS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/regression.md"
ROUNDS = 8
_BESIDE = ("show", "steady")  # exit codes by real calls, and how steady a machine must be
_CAPTIONS = ROOT / "experiments/prompts/held-out-captions.txt"
QUALITY: dict[str, Any] = {
    "name": "planted", "model": "mini-2.2", "prompts": {"file": str(_CAPTIONS), "first": 64}, "seeds": 0,
    "guidance_scale": 4, "num_inference_steps": 10, "scheduler": ["DDIM", "EulerDiscrete"],
    "compare_to": {"scheduler": "DDIM"}, "margins": {"clip_score": 0.3, "world_truth": 0.1},
    "metrics": ["clip_score", "world_truth"], "timing": "off",
}  # fmt: skip
SPEED: dict[str, Any] = {
    "name": "slow", "model": "mini-2.2", "prompts": {"file": str(_CAPTIONS), "first": 6}, "seeds": 0,
    "guidance_scale": 4, "num_inference_steps": 25, "prior_num_inference_steps": 2, "scheduler": "DDIM",
    "metrics": ["clip_score"], "timing": {"repeats": 9, "rounds": 2, "warmups": 1},
}  # fmt: skip


class Trial:
    """Stores of a baseline and of planted runs in one folder; each is made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: set[str] = set()
        for name, spec in (("planted", QUALITY), ("slow", SPEED)):
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))

    def run(self, store: str, name: str, *options: str, spec: str = "planted", fault: str | None = None) -> str:
        """Make a run in a store of its own, ``fault`` planted in it; gives STORE:RUN."""
        if (named := f"{self.folder / store}:{name}") in self.made:
            return named
        planted = planted_environment(self.folder / f"with-{fault}", fault) if fault else None
        place = ("--store", self.folder / store, "--name", name, "--no-track", *options)
        made = harness("run", self.folder / f"{spec}.yaml", *place, environment=planted)
        if made.returncode != 0:
            raise SystemExit(f"the run {name} failed:\n{made.stdout}{made.stderr}")
        self.made.add(named)
        return named

    def compare(self, *arguments: str) -> CompletedProcess[str]:
        """The gate, as JSON."""
        return harness("compare", *arguments, "--json")

    def quality(self, fault: str) -> Found:
        """One fault in the pictures."""
        baseline, run = self.run("main", "main"), self.run(fault, fault, fault=fault)
        said = self.compare(baseline, run)
        return found(fault, f"harness compare main {fault}", said)

    def speed(self) -> Found:
        """The slower UNet: the two are timed in turns."""
        slow = planted_python(self.folder / "slower", SLOW)
        names = ("--env", f"usual={sys.executable}", "--env", f"slower={slow}")
        place = ("--store", self.folder / "ab", "--rounds", str(ROUNDS), "--json")
        said = harness("ab", self.folder / "slow.yaml", *names, *place)
        command = f"harness ab slow.yaml --env usual=… --env slower=… --rounds {ROUNDS}"
        return found(SLOW, command, said)


def found(fault: str, command: str, said: CompletedProcess[str]) -> Found:
    """The gate's JSON, read."""
    try:
        told = json.loads(said.stdout)
    except ValueError as error:
        raise SystemExit(f"{command} gave no JSON:\n{said.stdout}{said.stderr}") from error
    cells = told.get("compared", told)["cells"]
    return Found(fault, command, said.returncode, tuple(map(CellCompared.model_validate, cells)))


def planted_table(rows: Sequence[Found]) -> str:
    """The page's table."""
    head = ("planted", "exit", "what the gate said", "pictures identical", "command")
    lines = [table_line(head), table_line(["---"] * len(head))]
    for one in rows:
        said = "<br>".join(f"{escape(cell)}: {_finding(found)}" for cell, found in one.verdicts) or "nothing"
        same = "<br>".join(map(_identical, one.cells))
        planted = escape(FAULTS[one.fault].words)
        lines.append(table_line([planted, str(one.code), said, same, f"`{one.command}`"]))
    return "\n".join(lines)


def _identical(cell: CellCompared) -> str:
    told = "no row in both" if cell.pictures is None else f"{cell.pictures.identical}/{cell.pictures.rows}"
    return escape(f"{cell.label} {told}")


def _finding(one: Finding) -> str:
    margin = f", margin {words.margin(one)}" if one.margin is not None else ""
    verdict = f"**{one.verdict}**" if one.verdict == "regressed" else one.verdict
    remark = words.remark(one) if one.metric in COSTS else ""
    why = f" ({escape(remark)})" if remark else ""
    return f"{escape(f'{words.metric(one)} {words.change(one)}{margin}')}: {verdict}{why}"


def shown(trial: Trial) -> list[tuple[str, int, str]]:
    """The gate's exit codes by real calls: command, code, what it said last."""
    main, bad = trial.run("main", "main"), trial.run("channels", "channels", fault="channels")
    few = [trial.run("main", "few", "--limit", "4"), trial.run("channels", "few", "--limit", "4", fault="channels")]
    return [
        _shown("harness compare main main", harness("compare", main, main)),
        _shown("harness compare main channels", harness("compare", main, bad)),
        _shown("harness compare few few-again --strict", harness("compare", *few, "--strict")),
        *_elsewhere(trial),
        *_bad_input(trial, main, bad),
    ]


def _elsewhere(trial: Trial) -> list[tuple[str, int, str]]:
    """Timed on another machine, which other threads stand for; its pictures differ and nothing says what is bad."""
    off = {**QUALITY["margins"], "clip_score": "off", "world_truth": "off", "latency": "3%"}
    timing = {"repeats": 1, "rounds": 2, "warmups": 1}
    for threads in (1, 2):
        spec = {**QUALITY, "name": "elsewhere", "threads": threads, "margins": off, "timing": timing}
        (trial.folder / f"elsewhere-{threads}.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    here = trial.run("elsewhere-1", "here", "--limit", "2", spec="elsewhere-1")
    there = trial.run("elsewhere-2", "there", "--limit", "2", spec="elsewhere-2", fault="guidance")
    return [_shown("harness compare here there", harness("compare", here, there))]


def _bad_input(trial: Trial, main: str, bad: str) -> list[tuple[str, int, str]]:
    (trial.folder / "other.yaml").write_text(yaml.safe_dump({**QUALITY, "guidance_scale": 2}, sort_keys=False))
    other = trial.run("main", "other", "--limit", "2", spec="other")
    late = harness("compare", main, bad, "--margin", "clip_score=99")
    return [
        _shown("harness compare main other", harness("compare", main, other)),
        _shown("harness compare main channels --margin clip_score=99", late),
    ]


def _shown(command: str, said: CompletedProcess[str]) -> tuple[str, int, str]:
    return command, said.returncode, "\n".join(filter(None, (said.stdout.rstrip(), said.stderr.rstrip())))


def shown_text(calls: Sequence[tuple[str, int, str]], folder: Path) -> str:
    """The calls as a console shows them, the folder of the stores left out."""
    blocks = [f"$ {command}; echo $?\n{text}\n{code}" for command, code, text in calls]
    return "\n\n".join(f"```console\n{block.replace(f'{folder}/', '')}\n```" for block in blocks)


def written(page: str, name: str, text: str) -> str:
    """The page with the text between the marks of that name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(page):
        raise SystemExit(f"{PAGE} has no place for {name}")
    return pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page)


def about() -> str:
    """Where and when it was measured."""
    found = machine()["hardware"]
    when = datetime.now(UTC).date().isoformat()
    return f"Measured on {when}: {found['cpu_model']}, {found['cores_usable']} usable cores, one thread."


def main() -> int:
    """Plant, run, compare, write; 1 where the gate did not say what it must, which is then told on standard error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=(*FAULTS, *_BESIDE), help="print this and write nothing")
    parser.add_argument("--keep", type=Path, help="where the stores go and stay")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        place = (asked.keep or Path(folder)).absolute()
        place.mkdir(parents=True, exist_ok=True)
        parts, wrong = _tried(Trial(place), asked.only or [*FAULTS, *_BESIDE])
    if asked.only:
        sys.stdout.write("\n\n".join(parts.values()) + "\n")
    else:
        page = PAGE.read_text()
        for name, text in parts.items():
            page = written(page, name, text)
        PAGE.write_text(page)
    sys.stderr.write("".join(f"{line}\n" for line in wrong))
    return 1 if wrong else 0


def _tried(trial: Trial, wanted: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The page's parts by their marks, and what went wrong."""
    rows = [trial.speed() if one == SLOW else trial.quality(one) for one in wanted if one not in _BESIDE]
    parts = {"planted": f"{planted_table(rows)}\n\n{about()}"} if rows else {}
    wrong = [text for row in rows for text in failings(row)]
    if "show" in wanted:
        calls = shown(trial)
        parts["show"] = shown_text(calls, trial.folder)
        wrong += wrong_codes(calls)
    if "steady" in wanted:
        parts["steady"] = slow_table()
    return parts, wrong


if __name__ == "__main__":
    raise SystemExit(main())
