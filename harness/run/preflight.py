"""What the cells of a plan will take, asked of a subprocess and remembered. Imports no torch."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import harness
from harness.base import digest
from harness.catalog.devices import DEVICES
from harness.catalog.diffusers_table import cache_dir
from harness.catalog.optimizations import OPTIMIZATIONS
from harness.catalog.stacks import Situation, Stack, label_of_stack, stack_refusal
from harness.catalog.tasks import parts_of
from harness.catalog.types import ModelRow, Place
from harness.errors import MissingError
from harness.pipelines.places import local_folder
from harness.plan.fits import Can, Fit, case_key, fit, needs_a_way, variants
from harness.plan.footprint import Answer, Case
from harness.plan.forecast import calls_of
from harness.plan.preflight import Group, Preflight
from harness.plan.types import Cell, Plan, Settings
from harness.run.wanted import snapshot_of

_LIBRARIES = ("torch", "diffusers", "transformers")
_SOURCES = ("estimate/*.py", "pipelines/full_size.py", "plan/footprint.py", "catalog/optimizations.py")
_PATIENCE_S = 1800

Tell = Callable[[str], None]


def asked_for(device: str | None, memory: int | None) -> tuple[str | None, int | None, str | None]:
    """A plan's kind of device, the memory to hold it against, and the name of the device that has it.

    ``device``: a kind, or a device of the catalog; a memory that is given as well takes the place of that device's.
    """
    row = DEVICES.get(device or "")
    if row is None:
        return device, memory, None
    return "cuda", row.memory_bytes if memory is None else memory, row.name if memory is None else None


def preflight(plan: Plan, memory_bytes: int, device: str | None, tell: Tell) -> Preflight:
    """Hold each kind of cell against ``memory_bytes``; ``device``: the catalog's name of what has it, or ``None``.

    Raises:
        MissingError: the subprocess could not work at all; a model that cannot be estimated is a row with its reason.
    """
    estimates = Estimates(tell)
    grouped = _grouped(plan)
    estimates.ask(case for (case, _), _ in grouped)
    tried = [case for (case, stack), _ in grouped if needs_a_way(case, stack, memory_bytes, estimates.look)]
    estimates.ask(one for case in tried for one in variants(case))
    gpu = plan.device not in ("cpu", "mps")  # the catalog's offloads are CUDA's
    fits = [
        fit(case, stack, memory_bytes, estimates.look, gpu=gpu, can=_takes(plan, cells[0]))
        for (case, stack), cells in grouped
    ]
    groups = tuple(_group(case, stack, cells, one) for ((case, stack), cells), one in zip(grouped, fits, strict=True))
    return Preflight(memory_bytes=memory_bytes, device=device, groups=groups)


def _takes(plan: Plan, cell: Cell) -> Can:
    """Whether a plan would take a cell with a stack of these, put in order."""
    settings, model = cell.settings, plan.models[cell.settings.model]
    at = Situation(model.version, settings.api, "prior" in model.parts)

    def can(stack: Stack) -> bool:
        return stack_refusal(sorted(stack, key=lambda one: OPTIMIZATIONS[one.name].rank), at) is None

    return can


def _group(case: Case, stack: Stack, cells: Sequence[Cell], found: Fit) -> Group:
    flops = {cell.id: _image_flops(cell.settings, found) for cell in cells}
    return Group(model=cells[0].settings.model, case=case, stack=stack, image_flops=flops, fit=found)


def _image_flops(settings: Settings, found: Fit) -> int | None:
    if found.footprint is None:
        return None
    return found.footprint.image_flops(settings.prior_num_inference_steps or 0, calls_of(settings))


def _grouped(plan: Plan) -> list[tuple[tuple[Case, Stack], list[Cell]]]:
    """The plan's cells by what decides on their memory, in the plan's order."""
    found: dict[str, tuple[tuple[Case, Stack], list[Cell]]] = {}
    for cell in plan.cells:
        case = case_of(plan, cell)
        stack = cell.settings.optimizations
        mark = f"{cell.settings.model} {case_key(case)} {label_of_stack(stack)}"
        found.setdefault(mark, ((case, stack), []))[1].append(cell)
    return list(found.values())


def case_of(plan: Plan, cell: Cell) -> Case:
    """What decides on a cell's memory and on the work of its calls."""
    settings, model = cell.settings, plan.models[cell.settings.model]
    return Case(
        version=model.version,
        task=settings.task,
        api=settings.api,
        parts={part: _where(model, part) for part in parts_of(model, settings.task)},
        dtype=settings.dtype,
        height=settings.height,
        width=settings.width,
        batch=_together(plan, cell),
        guided=settings.guidance_scale > 1,
        prior_guided=(settings.prior_guidance_scale or 0) > 1,
        negative=any(row.negative_prompt is not None for row in plan.rows_of(cell)),
    )


def _together(plan: Plan, cell: Cell) -> int:
    """Rows that a cell makes together: no more than it has, and one at a time where the pipeline is a combined one."""
    settings = cell.settings
    return 1 if settings.api == "combined" else min(settings.batch_size, len(plan.rows_of(cell)))


def _where(model: ModelRow, part: str) -> str:
    """The folder with a part's configurations: its own, or the hub's cache; else the repository's name."""
    place = next(place for name, place in model.parts.items() if name == part)
    folder = local_folder(place) or _snapshot(place)
    return f"hub:{place.where}" if folder is None else str(folder)


def _snapshot(place: Place) -> Path | None:
    """A cached repository, if its configurations are there: weights are not asked for."""
    folder = snapshot_of(place)
    return folder if folder is not None and any(folder.glob("*/config.json")) else None


class Estimates:
    """Footprints of cases: remembered ones from the cache's folder, new ones from one subprocess for all of them."""

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


def _from_subprocess(cases: Sequence[Case], tell: Tell) -> list[Answer]:
    with tempfile.TemporaryDirectory() as scratch:
        asked, answers, errors = (Path(scratch) / name for name in ("cases.json", "answers.json", "errors.txt"))
        asked.write_text(json.dumps([case.model_dump(mode="json") for case in cases]), encoding="utf-8")
        command = [sys.executable, "-W", "ignore", "-m", "harness.estimate", str(asked), str(answers)]
        status = _listen(command, errors, len(cases), tell)
        told = f"no answer within {_PATIENCE_S / 60:.0f} minutes" if status is None else ""
        if status is not None and (status != 0 or not answers.is_file()):
            told = errors.read_text(encoding="utf-8", errors="replace").strip() or "no reason given"
        if told:
            raise MissingError(
                f"Nothing can be estimated here: {told[-300:]}",
                expected="torch, diffusers and transformers that import",
                do="`harness doctor` says what is missing; or plan without --memory",
            )
        return [Answer.model_validate(one) for one in json.loads(answers.read_text(encoding="utf-8"))]


def _listen(command: Sequence[str], errors: Path, total: int, tell: Tell) -> int | None:
    """Run to the end, and tell how far it is; its exit status, ``None`` if it took too long."""
    late = threading.Event()
    with errors.open("wb") as sink:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sink, text=True)

    def give_up() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(_PATIENCE_S, give_up)
    timer.start()
    try:
        with process:
            _tell_each(process.stdout or (), total, tell)
    except BaseException:
        process.kill()
        raise
    finally:
        timer.cancel()
    return None if late.is_set() else process.returncode


def _tell_each(lines: Iterable[str], total: int, tell: Tell) -> None:
    """ "estimated 3/20"; of a single one there is nothing to count, nor of what the libraries print."""
    for line in lines:
        if total > 1 and line.strip().isdigit():
            tell(f"estimated {line.strip()}/{total}")
