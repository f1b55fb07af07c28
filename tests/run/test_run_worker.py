"""A real worker process, spoken to over its pipes, with a tiny model."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load
from tiny_kandinsky import GROUP, make_rows, make_settings, row_of, save_tiny

from harness.base import digest
from harness.catalog.types import Place, WeightsRow
from harness.plan.types import SchedulerChoice
from harness.run.protocol import (
    Bye,
    Envelope,
    Extract,
    Hello,
    HelloDone,
    Load,
    LoadDone,
    Make,
    MakeDone,
    Reply,
    Request,
    Time,
    TimeDone,
)
from harness.store.store import Store, open_store

DDPM = SchedulerChoice(label="DDPM", class_name="DDPMScheduler")


class Line:
    """A worker and its two pipes, for the length of a block; leaving it closes them, and the worker leaves too."""

    def __init__(self, log: Path) -> None:
        self.log, self.sent = log, 0
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "harness.run.worker"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )  # fmt: skip

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.__exit__(None, None, None)

    def send(self, *requests: Request) -> None:
        assert self.process.stdin
        for request in requests:
            self.sent += 1
            self.process.stdin.write(Envelope(id=self.sent, request=request).model_dump_json().encode() + b"\n")
        self.process.stdin.flush()

    def receive(self) -> Reply:
        assert self.process.stdout
        return Reply.model_validate_json(self.process.stdout.readline())

    def ask(self, request: Request) -> Reply:
        self.send(request)
        reply = self.receive()
        assert reply.id == self.sent
        return reply

    def answer(self, request: Request) -> dict[str, Any]:
        reply = self.ask(request)
        assert reply.failure is None, reply.failure
        assert reply.answer is not None
        return reply.answer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tiny-2.2"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return open_store(tmp_path_factory.mktemp("worker") / "store")


@pytest.fixture(scope="module")
def greeting() -> dict[str, Any]:
    return {}


@pytest.fixture(scope="module")
def line(
    folder: Path, store: Store, tmp_path_factory: pytest.TempPathFactory, greeting: dict[str, Any]
) -> Iterator[Line]:
    """One greeted worker for the whole module: starting one takes seconds. Every test loads what it needs."""
    with Line(tmp_path_factory.mktemp("log") / "worker.log") as line:
        greeting.update(line.answer(Hello(store=str(store.root), device="cpu", threads=1)))
        yield line
        line.send(Bye())
        assert line.process.wait(30) == 0


def make(tag: str, n: int = 2, **changes: Any) -> Make:
    keys = {"prior_key": digest(["prior", tag]), "images_key": digest(["images", tag])}
    wanted: dict[str, Any] = {"settings": make_settings(), "rows": make_rows(n), "made_in": "run-1", **keys, **changes}
    return Make(**wanted)


def stored(store: Store, key: str) -> tuple[list[str], list[bytes], dict[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(store.get("images", key))) as archive:
        return archive.namelist(), [archive.read(n) for n in archive.namelist()], json.loads(archive.comment)


def loaded(line: Line, folder: Path) -> LoadDone:
    return LoadDone.model_validate(line.answer(Load(group=GROUP, model=row_of(folder))))


def test_the_greeting_tells_the_environment_and_the_idle_memory(line: Line, greeting: dict[str, Any]) -> None:
    done = HelloDone.model_validate(greeting)
    flags = done.environment["torch"]
    assert (flags["threads"], flags["interop_threads"], flags["deterministic_algorithms"]) == (1, 1, True)
    assert 100 << 20 < done.idle_bytes < 4 << 30


def test_pictures_are_stored_with_whose_they_are_and_a_prior_is_made_once(
    line: Line, folder: Path, store: Store
) -> None:
    known = loaded(line, folder)
    assert known.load_s > 0 and known.default_scheduler["class_name"] == "DDPMScheduler"
    request = make("whole")
    first = MakeDone.model_validate(line.answer(request))
    names, pngs, comment = stored(store, request.images_key)
    assert names == ["p0-s7.png", "p1-s8.png"] and not first.prior_reused
    assert (comment["made_in"], comment["scheduler"]) == ("run-1", first.scheduler) and comment["made_at"].endswith(
        "+00:00"
    )
    assert [__import__("hashlib").sha256(png).hexdigest() for png in pngs] == first.image_sha256
    assert Image.open(io.BytesIO(pngs[0])).size == (64, 64)

    again = make("whole", images_key=digest("again"), settings=make_settings(scheduler=DDPM))
    second = MakeDone.model_validate(line.answer(again))
    assert second.prior_reused and second.image_sha256 == first.image_sha256  # the model's own is DDPM
    fresh = MakeDone.model_validate(line.answer(again.model_copy(update={"fresh": True})))
    assert not fresh.prior_reused and fresh.image_sha256 == first.image_sha256


def test_the_pictures_are_the_ones_that_show_code_makes_here(line: Line, folder: Path, store: Store) -> None:
    """Across processes: same threads, same batch, same bits."""
    from harness.pipelines.decoder import run_decoder
    from harness.pipelines.load import load_group
    from harness.pipelines.prior import run_prior
    from harness.pipelines.schedulers import build_scheduler

    loaded(line, folder)
    request = make("bits", 3, settings=make_settings(scheduler=DDPM), rows=make_rows(3, "blurry"))
    line.answer(request)
    here = load_group(GROUP, row_of(folder), "cpu")
    prior = run_prior(here, request.settings, request.rows)
    pictures = run_decoder(here, request.settings, build_scheduler(here, DDPM)[0], prior, request.rows)
    _, pngs, _ = stored(store, request.images_key)
    assert np.array_equal(pictures, np.stack([np.asarray(Image.open(io.BytesIO(png))) for png in pngs]))


def test_a_damaged_prior_is_made_again(line: Line, folder: Path, store: Store) -> None:
    loaded(line, folder)
    request = make("damaged")
    line.answer(request)
    path = store.path("prior", request.prior_key)
    path.write_bytes(path.read_bytes()[:-10])
    assert not MakeDone.model_validate(line.answer(request)).prior_reused


def test_replies_come_in_the_order_of_the_requests_though_work_overlaps(line: Line, folder: Path) -> None:
    loaded(line, folder)
    requests = [make("o1"), make("o2", 4), Make.model_validate({**make("o3").model_dump(), "settings": make_settings(
        scheduler=SchedulerChoice(label="x", class_name="NoScheduler")).model_dump()}), make("o4", 1)]  # fmt: skip
    line.send(*requests)
    replies = [line.receive() for _ in requests]
    assert [reply.id for reply in replies] == list(range(line.sent - 3, line.sent + 1))
    assert [reply.failure is None for reply in replies] == [True, True, False, True]
    assert replies[2].failure and "NoScheduler" in replies[2].failure.reason


def test_timing_makes_the_quality_passes_pictures_again(line: Line, folder: Path, store: Store) -> None:
    loaded(line, folder)
    request = make("timed", 4, settings=make_settings(scheduler=DDPM))
    line.answer(request)
    ask = Time(settings=request.settings, rows=request.rows, warmups=1, repeats=3, images_key=request.images_key)
    done = TimeDone.model_validate(line.answer(ask))
    assert len(done.steady_s) == len(done.prior_s) == 3 and done.first_call_s > 0
    assert all(0 < prior < whole for prior, whole in zip(done.prior_s, done.steady_s, strict=True))
    assert done.largest_pixel_difference == 0 and done.peak_device_bytes is None
    part = ask.model_copy(update={"rows": request.rows[:1]})  # another batch: the last bits may differ
    assert TimeDone.model_validate(line.answer(part)).largest_pixel_difference in (0, 1)
    for key in (None, digest("never made")):
        alone = ask.model_copy(update={"images_key": key})
        assert TimeDone.model_validate(line.answer(alone)).largest_pixel_difference is None


def test_the_planted_fault_other_pictures_are_noticed(line: Line, folder: Path) -> None:
    loaded(line, folder)
    request = make("planted")
    line.answer(request)
    more = make_settings(num_inference_steps=4)
    ask = Time(settings=more, rows=request.rows, warmups=0, repeats=1, images_key=request.images_key)
    assert (TimeDone.model_validate(line.answer(ask)).largest_pixel_difference or 0) > 1


def test_features_of_several_batches_in_the_order_of_the_keys(
    line: Line, folder: Path, store: Store, tmp_path: Path
) -> None:
    import torch
    from safetensors.torch import save_file

    from harness.score.attribute_net import CONFIG, WEIGHTS, AttributeNet, AttributeNetConfig

    config = AttributeNetConfig(widths=(8,), features=4, heads=(6, 8, 8, 3, 5), side=8)
    (tmp_path / CONFIG).write_text(config.model_dump_json())
    torch.manual_seed(0)
    save_file(dict(AttributeNet(config).state_dict()), tmp_path / WEIGHTS)
    weights = WeightsRow(
        name="tiny", kind="extractor", place=Place(kind="folder", where=str(tmp_path)), architecture="tiny",
        embedding_dim=4, resize="bilinear", verified=True,
    )  # fmt: skip
    loaded(line, folder)
    first, second = make("f1", 3), make("f2", 1, settings=make_settings(num_inference_steps=2))
    line.answer(first), line.answer(second)
    ask = Extract(
        weights=weights,
        image_keys=(first.images_key, second.images_key),
        task="text-to-image",
        rows=make_rows(4),
        features_key=digest("f"),
    )
    assert line.answer(ask)["seconds"] > 0
    both = load(store.get("features", ask.features_key))["features"]
    line.answer(
        ask.model_copy(update={"image_keys": (second.images_key,), "rows": make_rows(1), "features_key": digest("g")})
    )
    alone = load(store.get("features", digest("g")))["features"]
    assert both.shape == (4, 4) and np.allclose(both[3:], alone, atol=1e-5)
    failed = line.ask(ask.model_copy(update={"rows": make_rows(1)})).failure
    assert failed and "4 stored pictures for 1 rows" in failed.reason


def test_what_is_missing_fails_the_request_and_not_the_worker(line: Line, folder: Path, tmp_path: Path) -> None:
    failed = line.ask(Load(group=GROUP, model=row_of(tmp_path / "nowhere"))).failure
    assert failed and failed.kind == "missing" and "no prior folder" in failed.reason and failed.do
    failed = line.ask(make("unloaded")).failure
    assert failed and failed.kind == "error" and "No pipelines are loaded" in failed.reason
    assert loaded(line, folder).load_s > 0


def test_pictures_that_are_not_numbers_fail_their_request_alone(line: Line, folder: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    broken = shutil.copytree(folder, tmp_path / "broken")
    (path,) = (broken / "decoder/movq").glob("*.safetensors")
    tensors = load_file(path)
    save_file({name: torch.full_like(t, float("nan")) for name, t in tensors.items()}, path, metadata={"format": "pt"})
    loaded(line, broken)
    failed = line.ask(make("nan")).failure
    assert failed and failed.kind == "not-a-number" and "Traceback" not in failed.reason
    assert "Traceback" in line.log.read_text()
    loaded(line, folder)
    assert line.answer(make("nan"))["image_sha256"]


def test_running_out_of_memory_fails_its_request_alone(line: Line, folder: Path) -> None:
    loaded(line, folder)
    failed = line.ask(make("huge", 1, settings=make_settings(height=64 * 2**13, width=64 * 2**13))).failure
    assert failed and failed.kind == "out-of-memory" and "batch_size" in failed.do
    assert line.answer(make("after"))["image_sha256"]


def test_a_disk_that_says_no_is_the_disks_failure(line: Line, folder: Path, store: Store) -> None:
    loaded(line, folder)
    request = make("disk")
    place = store.path("images", request.images_key)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.mkdir()  # no file can be renamed onto a folder
    failed = line.ask(request).failure
    assert failed and failed.kind == "disk"
    place.rmdir()


def test_a_library_that_prints_cannot_garble_the_replies(line: Line) -> None:
    """Every reply of this module came through; what went to file descriptor 1 is in the log."""
    script = (
        "import os, sys\nfrom harness.run import worker\n"
        "replies = worker._take_output()\nprint('noise', flush=True)\nos.write(1, b'more noise')\n"
        "replies.write(b'reply')\nreplies.flush()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == b"reply" and b"noise" in done.stderr and b"more noise" in done.stderr


@pytest.mark.parametrize("text", [b"{", b'{"id": 7, "request": {"op": "dance"}}'])
def test_a_line_that_is_no_request_is_answered(line: Line, text: bytes) -> None:
    assert line.process.stdin
    line.process.stdin.write(text + b"\n")
    line.process.stdin.flush()
    reply = line.receive()
    assert reply.failure and "protocol" in reply.failure.reason and reply.id == (7 if b"7" in text else -1)


def test_before_the_greeting_nothing_is_done_and_a_lost_parent_ends_it_at_once(tmp_path: Path) -> None:
    tiny = WeightsRow(
        name="tiny", kind="extractor", place=Place(kind="folder", where="nowhere"), architecture="tiny",
        embedding_dim=4, resize="bilinear", verified=True,
    )  # fmt: skip
    early = Extract(
        weights=tiny, image_keys=(digest("x"),), task="text-to-image", rows=make_rows(1), features_key=digest("y")
    )
    with Line(tmp_path / "log") as line:
        failed = line.ask(early).failure
        assert failed and "before it was greeted" in failed.reason
        assert line.process.stdin
        began = time.monotonic()
        line.process.stdin.close()
        assert line.process.wait(10) == 0 and time.monotonic() - began < 5


def test_a_device_that_is_not_there_is_told(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with Line(tmp_path / "log") as line:
        failed = line.ask(Hello(store=str(tmp_path / "s"), device="cuda:0", threads=1, uses="scorers")).failure
        assert failed and failed.reason
        line.process.terminate()
        assert line.process.wait(10) == -15


def test_the_parents_modules_import_no_torch_with_the_worker() -> None:
    script = "import sys, harness.run.worker\nassert not {'torch', 'mlflow', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
