"""Looking at devices: remembered for what stays the same, looked at again for what does not, refused where unlike."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fake_worker import GPUS, install, noted
from support.runs import Lab, Told

from harness.errors import MissingError, UsageError
from harness.run import devices
from harness.run.probing import Probes, nvidia_texts, probe_key
from harness.run.station import Post
from harness.store.store import open_store


@pytest.fixture
def post(tmp_path: Path) -> Post:
    """The processor."""
    return Post("cpu", 1, tmp_path / "runs", tmp_path / "log")


@pytest.fixture
def nvidia(tmp_path: Path) -> Path:
    """What a driver shows of itself and of two GPUs."""
    for name, text in {"version": "580.1\n", "gpus/0/information": "H100\n", "gpus/1/information": "H100\n"}.items():
        path = tmp_path / "nvidia" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "nvidia"


@pytest.fixture
def shows_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a driver's device file; what torch makes of it, ``FAKE_GPUS`` says."""
    monkeypatch.setattr(devices, "NVIDIA_NODES", (__file__,))


def test_the_key_follows_driver_and_gpus(post: Post, nvidia: Path, tmp_path: Path) -> None:
    keys = {probe_key(post, tmp_path / "no driver"), probe_key(post, nvidia)}
    assert probe_key(post, nvidia) in keys
    for changed in ("version", "gpus/1/information"):
        (nvidia / changed).write_text("another\n")
        keys.add(probe_key(post, nvidia))
    (nvidia / "gpus/1/information").unlink()
    assert len(keys | {probe_key(post, nvidia)}) == 5
    assert nvidia_texts(nvidia) == {"version": "another\n", "gpus/0/information": "H100\n"}


@pytest.mark.parametrize(
    "name",
    ["ATEN_CPU_CAPABILITY", "NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "CUBLAS_WORKSPACE_CONFIG",
     "DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE", "CUDA_VISIBLE_DEVICES"],
)  # fmt: skip
def test_the_key_follows_what_changes_torch(post: Post, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name, raising=False)
    before = probe_key(post)
    monkeypatch.setenv(name, "1")
    assert probe_key(post) != before
    monkeypatch.setenv(name, "2")
    assert len({before, probe_key(post)}) == 2


def test_a_look_is_remembered_until_it_is_to_be_fresh(fakes: str, post: Post) -> None:
    store = open_store(post.store_root)
    for _ in range(2):
        assert Probes(store, Told(), fresh=False).environment(post)["device"]["name"] == "a fake"
    assert noted(store.root, "hello") == 1
    probes = Probes(store, Told(), fresh=True)
    probes.environment(post), probes.environment(post)
    assert noted(store.root, "hello") == 2


def test_fresh_looks_at_the_machine_again(lab: Lab) -> None:
    lab.spec(num_inference_steps=20)
    lab.run()
    before = sum("looking at" in line for line in lab.told.said)
    lab.run(name="again")
    assert sum("looking at" in line for line in lab.told.said) == before == 1
    lab.run(fresh=True)
    assert sum("looking at" in line for line in lab.told.said) == 2


def test_devices_that_are_unlike_are_refused(lab: Lab, shows_a_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.spec(num_inference_steps=20, device="cuda")
    monkeypatch.setenv(GPUS, "Alpha,Beta,Alpha")
    with pytest.raises(UsageError, match="cuda:0 is Alpha, cuda:1 is Beta"):
        lab.run(devices="0,1")
    assert lab.store.run_ids() == []
    run = lab.run(devices="0,2")
    assert run.status == "finished" and run.environment["device"]["name"] == "Alpha"


def test_a_gpu_that_torch_cannot_use_is_told_once_looked_at_and_left(
    lab: Lab, shows_a_gpu: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(GPUS, "")
    lab.spec(num_inference_steps=20, device="auto")
    run = lab.run()
    assert run.status == "finished" and run.environment["torch"]["device"] == "cpu"
    (told,) = [line for line in lab.told.said if "cannot use" in line]
    assert "cuda device" in told and "driver on your system is too old" in told
    looks = [line for line in lab.told.said if line.startswith("looking at cuda:0")]
    assert lab.run().run_id == run.run_id
    assert [line for line in lab.told.said if line.startswith("looking at cuda:0")] == looks and len(looks) == 1
    monkeypatch.setenv(GPUS, "Alpha")
    assert lab.run(fresh=True).environment["device"]["name"] == "Alpha"


def test_a_gpu_that_was_asked_for_by_name_is_never_swapped_for_the_processor(
    lab: Lab, shows_a_gpu: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(GPUS, "")
    lab.spec(num_inference_steps=20, device="cuda")
    with pytest.raises(MissingError, match=r"No worker can work on cuda:0: .*too old"):
        lab.run()
    monkeypatch.setenv(GPUS, "Alpha")  # mended: a remembered refusal does not stand in the way
    assert lab.run().environment["device"]["name"] == "Alpha"
    lab.spec(num_inference_steps=20, device="auto")
    with pytest.raises(MissingError, match=r"No worker can work on cuda:7: .*ordinal"):
        lab.run(devices="7")


def test_what_passes_is_not_remembered(lab: Lab, shows_a_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is killed at its greeting says nothing of what torch can do."""
    import sys

    monkeypatch.setattr(sys, "executable", str(install(lab.folder, "kill -9 $$")))
    lab.spec(num_inference_steps=20, device="auto")
    with pytest.raises(MissingError, match=r"No worker can work on cuda:0: .*killed"):
        lab.run()
    assert not list(lab.store.blobs.all("probe"))


@pytest.mark.slow
def test_the_real_torch_is_asked(
    tiny: Path, tmp_path: Path, shows_a_gpu: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here no GPU is visible to torch, whatever the machine has."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    store = open_store(tmp_path / "runs")
    reason = Probes(store, Told(), fresh=False).why_not(Post("cuda:0", 1, store.root, tmp_path / "log"))
    assert reason is not None and ("CUDA" in reason or "NVIDIA" in reason)
