"""Footprints of cases, asked of a process of their own and remembered. Imports no torch."""

from __future__ import annotations

import importlib.metadata
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import harness
from harness.base import digest
from harness.catalog.diffusers_table import cache_dir
from harness.errors import MissingError
from harness.plan.fits import case_key
from harness.plan.footprint import Answer, Case

_LIBRARIES = ("torch", "diffusers", "transformers")
_SOURCES = ("estimate/*.py", "pipelines/full_size.py", "plan/footprint.py", "catalog/optimizations.py")
_PATIENCE_S = 1800  # for each case

Tell = Callable[[str], None]


class Estimates:
    """Footprints of cases: remembered ones from the cache's folder, new ones from one subprocess, kept as they come."""

    def __init__(self, tell: Tell, folder: Path | None = None) -> None:
        self._tell, self._folder = tell, folder or cache_dir() / "estimates"
        self._known: dict[str, Answer] = {}

    def look(self, case: Case) -> Answer:
        """The answer to one case; one that nobody asked for before is asked for by itself."""
        if case_key(case) not in self._known:
            self.ask([case])
        return self._known[case_key(case)]

    def ask(self, cases: Iterable[Case]) -> None:
        """Get to know all of them.

        Raises:
            MissingError: the subprocess did not answer.
        """
        wanted = {case_key(case): case for case in cases if case_key(case) not in self._known}
        self._known |= {key: found for key, case in wanted.items() if (found := self._remembered(case)) is not None}
        asked = [case for key, case in wanted.items() if key not in self._known]
        if not asked:
            return
        noun = "footprint" if len(asked) == 1 else "footprints"
        self._tell(f"estimating {len(asked)} {noun} from configurations (once for these versions)")
        for case, answer in zip(asked, _from_subprocess(asked, self._tell), strict=True):
            self._known[case_key(case)] = answer
            if answer.footprint is not None:  # what is missing today may be here tomorrow
                self._remember(case, answer)

    def _remembered(self, case: Case) -> Answer | None:
        path = self._path(case)
        with suppress(OSError, ValueError):
            return Answer.model_validate_json(path.read_text(encoding="utf-8"))
        return None

    def _remember(self, case: Case, answer: Answer) -> None:
        """A folder that cannot be written to costs the memory, not the answer."""
        path = self._path(case)
        partial = path.with_name(f"{path.name}.{os.getpid()}")
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(answer.model_dump_json(), encoding="utf-8")
            partial.replace(path)

    def _path(self, case: Case) -> Path:
        return self._folder / f"{estimate_key(case)}.json"


def estimate_key(case: Case) -> str:
    """Of all that determines an answer: the case, the configurations that it names, the libraries and our own code."""
    versions = {name: _version(name) for name in _LIBRARIES}
    configurations = {
        part: {path.relative_to(where).as_posix(): path.read_text(errors="replace")
               for path in sorted(Path(where).glob("*/config.json"))}
        for part, where in case.parts.items() if not where.startswith("hub:")
    }  # fmt: skip
    root = Path(harness.__file__).parent
    sources = [path.read_text(encoding="utf-8") for pattern in _SOURCES for path in sorted(root.glob(pattern))]
    return digest([case.model_dump(mode="json"), configurations, versions, sources])


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _from_subprocess(cases: Sequence[Case], tell: Tell) -> Iterator[Answer]:
    """An answer to each case, in order, as it comes; where none comes, why not.

    Raises:
        MissingError: the process ended before it answered anything.
    """
    with tempfile.TemporaryDirectory() as scratch:
        asked, errors = (Path(scratch) / name for name in ("cases.json", "errors.txt"))
        asked.write_text(json.dumps([case.model_dump(mode="json") for case in cases]), encoding="utf-8")
        command = [sys.executable, "-W", "ignore", "-m", "harness.estimate", str(asked)]
        answered = 0
        try:
            for line in _lines(command, errors):
                answered += 1
                if len(cases) > 1:
                    tell(f"estimated {answered}/{len(cases)}")
                yield Answer.model_validate_json(line)
        except TimeoutError:
            why = f"had no result within {_PATIENCE_S / 60:.0f} minutes"
        else:
            said = errors.read_text(encoding="utf-8", errors="replace").strip()[-300:] or "no reason given"
            why = f"ended without a result: {said}"
            if answered == 0:
                raise MissingError(
                    f"Nothing can be estimated here: {said}",
                    expected="torch, diffusers and transformers that import",
                    do="`harness doctor` says what is missing; or plan without --memory",
                )
        yield from (Answer(reason=_missing(place, why)) for place in range(len(cases) - answered))


def _missing(place: int, why: str) -> str:
    """Of the case that was being looked at, and of those that would have come after it."""
    return f"not estimated: the estimate of one before it {why}" if place else f"its estimate {why}"


def _lines(command: Sequence[str], errors: Path) -> Iterator[str]:
    """What a process prints, line by line, until it ends; it is ended if nobody listens to the end.

    Raises:
        TimeoutError: a line was too long in coming.
    """
    with errors.open("wb") as sink:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sink, text=True)
    came: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    with process:
        assert process.stdout is not None
        threading.Thread(target=_hand_on, args=(process.stdout, came), daemon=True).start()
        try:
            while (line := came.get(timeout=_PATIENCE_S)) is not None:
                yield line
            process.wait(_PATIENCE_S)
        except (queue.Empty, subprocess.TimeoutExpired):
            raise TimeoutError from None
        finally:
            process.kill()


def _hand_on(stream: IO[str], came: queue.SimpleQueue[str | None]) -> None:
    """Every whole line, then that there are no more."""
    with suppress(ValueError):  # closed, since nobody listens any more
        for line in stream:
            if line.endswith("\n"):
                came.put(line)
    came.put(None)
