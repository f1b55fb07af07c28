"""The main job with real workers on a tiny model: from a spec file to records, tracking, a report, and back to code."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.runs import CAPTIONS, Lab, command, once
from support.tracked import Tracked

from harness.errors import ExitCode
from harness.run.pictures import metadata_of
from harness.store.records import CellRecord
from harness.store.store import Store

N = 6
INPUTS = "prompt,seed\n" + "".join(f"{caption},{seed}\n" for seed, caption in enumerate(CAPTIONS))
SWEEP: dict[str, Any] = {
    "name": "tiny", "scheduler": ["DDIM", "DDPM"], "num_inference_steps": 2, "prior_num_inference_steps": 2,
    "compare_to": {"scheduler": "DDIM"}, "metrics": ["clip_score", "frechet", "world_truth"], "prompts": None,
    "inputs": "inputs.csv",
}  # fmt: skip
TIMED = {**SWEEP, "timing": {"repeats": 3, "rounds": 2, "warmups": 1}}


@dataclass
class First:
    """What the first run of a spec on an empty store left and said."""

    lab: Lab
    code: int
    said: str
    text: str

    @property
    def run_id(self) -> str:
        return self.lab.store.run_ids()[0]

    @property
    def cells(self) -> list[CellRecord]:
        return self.lab.store.load_cells(self.run_id)


@pytest.fixture(scope="session")
def kept(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One timed run for the whole suite; its tracking goes to a database that cannot be."""

    def make(folder: Path) -> None:
        lab = Lab(folder, tiny)
        (folder / "inputs.csv").write_text(INPUTS)
        nowhere = f"sqlite:///{folder}/no/such/folder/mlflow.db"
        (folder / "no").write_text("a file where a folder would have to be")
        done = command("run", lab.spec(**TIMED), "--store", folder / "runs", "--tracking-uri", nowhere)
        (folder / "done.json").write_text(json.dumps([done.returncode, done.stderr, done.stdout]))

    return once(tmp_path_factory, "first-run", make)


@pytest.fixture
def first(kept: Path, tiny: Path, tmp_path: Path) -> Iterator[First]:
    """A copy of it, for each test to go on from."""
    folder = shutil.copytree(kept, tmp_path / "copy", ignore=shutil.ignore_patterns("lock"))
    return First(Lab(folder, tiny), *json.loads((kept / "done.json").read_text()))


def test_records_scores_timing_memory_and_comparisons(first: First) -> None:
    assert first.code == ExitCode.DONE, first.said
    run = first.lab.store.load_run(first.run_id)
    assert (run.status, run.name, run.plan.question) == ("finished", "tiny", run.plan.question) and run.finished_ms
    assert run.made == {"images": 2 * N, "prior": N, "features": 6, "timing": 2} and run.reused == {"prior": N}
    assert run.environment["torch"]["threads"] == 1 and run.environment_digest
    reference, cell = first.cells
    assert reference.is_reference and cell.reference == reference.cell_id and cell.status == "done"
    assert cell.scheduler["class_name"] == "DDPMScheduler" and len(cell.weights["decoder"]["digest"]) == 64
    _scores(cell)
    _measures(cell)
    assert {c.metric: c.n for c in cell.comparisons} == {
        "clip_score": N,
        "world_truth": N,
        "latency": 2,
        "peak_memory": 2,
    }
    assert all(c.reference == reference.cell_id for c in cell.comparisons)
    assert not reference.comparisons


def _scores(cell: CellRecord) -> None:
    scores = {score.metric: score for score in cell.scores}
    assert set(scores) == {"clip_score", "frechet", "world_truth"}
    assert all((score.n, score.n_prompts) == (N, N) for score in scores.values())
    clip = scores["clip_score"]
    assert clip.value is not None and clip.interval and clip.interval.low <= clip.value <= clip.interval.high
    assert clip.name == f"clip_score/mini-scorer-{clip.made_by['weights_digest'][:8]}"
    few = scores["frechet"]
    assert few.value is None and few.interval is None and "needs at least" in (few.reason or "")


def _measures(cell: CellRecord) -> None:
    timing, memory = cell.timing, cell.memory
    assert timing and memory and memory.kind == "resident-over-idle" and memory.peak_bytes > 0
    assert len(timing.steady_s) == 6 and timing.round_of_call == [0] * 3 + [1] * 3
    assert len(timing.load_s) == 2 and len(timing.first_call_s) in (1, 2) and min(timing.steady_s) > 0
    assert timing.latency_interval and timing.latency_interval.low <= timing.latency_s <= timing.latency_interval.high
    assert timing.largest_pixel_difference in (0, 1) and timing.batch == 1


def test_rows_and_pictures_are_of_one_mind(first: First) -> None:
    store = first.lab.store
    for cell in first.cells:
        rows = store.image_rows(first.run_id, cell.cell_id) or []
        assert [row["row_id"] for row in rows] == [row_id for batch in cell.batches for row_id in batch.rows]
        assert [(row["prompt"], row["seed"]) for row in rows] == list(zip(CAPTIONS, range(N), strict=True))
        assert len({row["image_sha256"] for row in rows}) == N
        assert [row["image_sha256"] for row in rows] == [sha for batch in cell.batches for sha in batch.image_sha256]
        (score,) = [score.value for score in cell.scores if score.metric == "clip_score"]
        assert score == pytest.approx(np.mean([row["clip_score"] for row in rows]))
        assert {"clip_cosine", "n_tokens", "truncated", "seen_shape", "world_truth", "prompt", "seed"} <= set(rows[0])
        (key,) = {batch.prior_key for batch in cell.batches[:1]}
        assert metadata_of(store.get("prior", key)) == {"made_in": first.run_id}


def test_a_tracking_failure_fails_nothing_and_is_mended_later(
    first: First, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from harness.cli import run

    assert "Not tracked, and nothing is lost." in first.said and f"`harness track {first.run_id}`" in first.said
    assert "Traceback" not in first.said
    database = f"sqlite:///{tmp_path}/mlflow.db"
    place = ["--store", str(first.lab.folder / "runs"), "--tracking-uri", database]
    assert run(["track", "tiny", *place]) == ExitCode.DONE and "2 cells" in capsys.readouterr().out
    runs = Tracked(database).runs("tiny")
    assert set(runs) == {first.run_id, *(cell.cell_id for cell in first.cells)}


def test_the_same_command_again_makes_no_run_and_imports_no_torch(first: First) -> None:
    assert first.said.splitlines()[-1] == "False"  # not even the first time: only workers have torch
    before = _files(first.lab.store)
    done = command("run", first.lab.folder / "spec.yaml", "--store", first.lab.folder / "runs", "--no-track")
    assert done.returncode == 0 and done.stderr.splitlines()[-1] == "False"
    assert f"Nothing to do: run {first.run_id} holds every result." in done.stderr
    assert first.lab.store.run_ids() == [first.run_id]
    after = {path: size for path, size in _files(first.lab.store).items() if "reports" not in path.parts}
    assert after.items() <= before.items()
    table = [line for line in done.stdout.splitlines() if line.startswith(("cell", "DDIM", "DDPM"))]
    assert table == [line for line in first.text.splitlines() if line.startswith(("cell", "DDIM", "DDPM"))]
    assert Path(done.stdout.splitlines()[-1]).is_file()


def _files(store: Store) -> dict[Path, tuple[int, int]]:
    found = [path for path in store.root.rglob("*") if path.is_file() and path.name != "lock"]
    return {path.relative_to(store.root): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


def test_listing_status_and_show(first: First, capsys: pytest.CaptureFixture[str]) -> None:
    from harness.cli import run

    place = ["--store", str(first.lab.folder / "runs")]
    assert run(["ls", *place]) == 0 and "2/2" in capsys.readouterr().out
    assert run(["status", "--json", *place]) == 0
    told = json.loads(capsys.readouterr().out)
    assert next(iter(told[0])) == "run_id" and told[0]["run_id"] == first.run_id and told[0]["images"] == 2 * N
    assert run(["status", "tiny", *place]) == 0 and "yes" in capsys.readouterr().out
    assert run(["show", "latest", "DDPM", *place]) == 0
    shown = capsys.readouterr().out
    assert "clip_score" in shown.lower().replace(" ", "_")
    with Image.open(shown.split()[-1]) as strip:
        assert strip.size[0] >= 64
    assert run(["show", "latest", "no such cell", *place]) == ExitCode.MISSING


def test_the_code_that_show_prints_makes_the_stored_pixels(
    first: First, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.cli import run

    cell = first.cells[1]
    row = cell.batches[1].rows[0]
    command_line = ["show", first.run_id, cell.cell_id, "--code", "--row", row]
    assert run([*command_line, "--store", str(first.lab.folder / "runs")]) == 0
    code = capsys.readouterr().out
    assert "harness" not in code.replace(str(first.lab.model), "")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "shown", "exec"), {})
    import hashlib
    import io
    import zipfile

    for place, name in enumerate(cell.batches[1].rows):
        with zipfile.ZipFile(io.BytesIO(first.lab.store.get("images", cell.batches[1].key))) as archive:
            png = archive.read(f"{name}.png")
        assert hashlib.sha256(png).hexdigest() == cell.batches[1].image_sha256[place]
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), np.asarray(Image.open(tmp_path / f"{name}.png")))


def test_one_more_scheduler_makes_its_pictures_only(first: First) -> None:
    first.lab.spec(**{**SWEEP, "metrics": ["world_truth"], "scheduler": ["DDIM", "DDPM", "DPMSolverMultistep"]})
    more = first.lab.run()
    assert more.made == {"images": N, "features": 1} and more.reused == {"images": 2 * N, "prior": N, "features": 2}
    assert [cell.batches[0].reused for cell in first.lab.cells(more).values()] == [True, True, False]


def test_another_store_two_workers_and_a_kill_between_give_the_same_pictures(first: First, tmp_path: Path) -> None:
    """Two workers, a SIGKILL when the first cell is made, and one worker for what is left."""
    import signal

    lab = Lab(tmp_path, first.lab.model)
    (tmp_path / "inputs.csv").write_text(INPUTS)
    shutil.copytree(first.lab.store.root / "stages" / "probe", lab.store.root / "stages" / "probe")
    spec = lab.spec(**{**SWEEP, "metrics": ["world_truth"]})
    killed = command("run", spec, "--store", lab.store.root, "--devices", "0,1", signal=signal.SIGKILL, field="batches")
    assert killed.returncode == -signal.SIGKILL
    assert len(list((lab.store.root / "logs").iterdir())) >= 2
    run = lab.run()
    assert (run.resumed, run.status) == (1, "finished") and lab.store.run_ids() == [run.run_id]
    assert run.made == {"images": 2 * N, "prior": N, "features": 2} and run.reused == {"prior": N}
    assert lab.pictures(run) == {cell.label: [s for b in cell.batches for s in b.image_sha256] for cell in first.cells}
    for mine, theirs in zip(lab.cells(run).values(), first.cells, strict=True):
        assert (mine.settings, mine.scheduler, mine.weights) == (theirs.settings, theirs.scheduler, theirs.weights)
        assert mine.scores == [score for score in theirs.scores if score.metric == "world_truth"]
