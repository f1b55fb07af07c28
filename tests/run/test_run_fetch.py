"""Everything that a spec needs, brought from a hub that is really asked, over a socket of this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from support.hub import COMMIT, Hub, hub
from support.processes import unmeasured

from harness.errors import ExitCode

DECODER, PRIOR = "kandinsky-community/kandinsky-2-2-decoder", "kandinsky-community/kandinsky-2-2-prior"
CONTROLNET, DEPTH = "kandinsky-community/kandinsky-2-2-controlnet-depth", "Intel/dpt-large"
SCORER = "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
UNET = f"{DECODER}/unet/diffusion_pytorch_model.safetensors"
WEIGHTS = bytes(range(256)) * 3_000  # 768 kB: more than a socket takes at once
SPEC = "prompts: [a red star]\nmodel: kandinsky-2.2\ndevice: cpu\n"


def _repository(folder: Path, index: dict[str, str], weighted: tuple[str, ...]) -> None:
    """What a pipeline's repository looks like: data, pickles of the same, code, and folders that no pipeline names."""
    folder.mkdir(parents=True)
    entries = {name: [library, "Some"] for name, library in index.items()} | {"safety_checker": [None, None]}
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "Some", **entries}))
    (folder / "README.md").write_text("---\nprior: []\n---\n")
    (folder / "stray.safetensors").write_bytes(b"nobody's")
    for name in (*index, "ddpm_scheduler", "other"):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(json.dumps({"of": name}))
    for name in weighted:
        (folder / name / "diffusion_pytorch_model.safetensors").write_bytes(name.encode() + WEIGHTS)
        (folder / name / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"half")
        (folder / name / "diffusion_pytorch_model.bin").write_bytes(b"a pickle")
        (folder / name / "code.py").write_text("raise SystemExit")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Hub]:
    """2.2's prior and decoders, the scorer and the depth estimator, all tiny."""
    root = tmp_path / "served"
    prior = ("prior", "image_encoder", "text_encoder")
    plain = {"tokenizer": "transformers", "scheduler": "diffusers", "image_processor": "transformers"}
    _repository(root / PRIOR, {"prior": "diffusers", **dict.fromkeys(prior[1:], "transformers"), **plain}, prior)
    for name in (DECODER, CONTROLNET):
        _repository(root / name, dict.fromkeys(("unet", "scheduler", "movq"), "diffusers"), ("unet", "movq"))
    for name, weights in ((SCORER, "open_clip_model.safetensors"), (DEPTH, "model.safetensors")):
        (root / name).mkdir(parents=True)
        (root / name / "open_clip_config.json").write_text("{}")
        (root / name / weights).write_bytes(WEIGHTS)
        (root / name / "pytorch_model.bin").write_bytes(b"a pickle")
    with hub(root) as made:
        yield made


def _harness(served: Hub, folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in unmeasured().items() if name not in ("HF_HUB_OFFLINE", "HF_TOKEN")}
    where = {"HF_ENDPOINT": served.address, "HF_HOME": str(folder / "hub"), "HF_HUB_DISABLE_XET": "1"}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "harness", *arguments], capture_output=True, text=True, check=False,
        env={**known, **where, **environment}, cwd=folder,
    )  # fmt: skip


def _fetch(served: Hub, folder: Path, spec: str = SPEC, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "spec.yaml").write_text(spec)
    return _harness(served, folder, "fetch", "spec.yaml", **environment)


def _brought(folder: Path) -> set[str]:
    """Every file in the hub's cache, as owner/name/file."""
    found = (folder / "hub/hub").glob("models--*/snapshots/*/**/*")
    names = (path.relative_to(folder / "hub/hub") for path in found if path.is_file())
    return {"/".join((*name.parts[0].removeprefix("models--").split("--"), *name.parts[3:])) for name in names}


def test_a_spec_is_fetched_whole_and_without_pickles(served: Hub, tmp_path: Path) -> None:
    done = _fetch(served, tmp_path)
    assert done.returncode == ExitCode.DONE, done.stderr
    brought = _brought(tmp_path)
    assert {UNET, f"{DECODER}/ddpm_scheduler/config.json", f"{PRIOR}/tokenizer/config.json"} <= brought
    assert f"{SCORER}/open_clip_model.safetensors" in brought
    assert not any(name.endswith((".bin", ".py")) or ".fp16." in name for name in brought)
    assert not any("/other/" in name or "stray" in name or CONTROLNET in name or DEPTH in name for name in brought)
    assert f"missing: decoder {DECODER}, about 5.28 GB" in done.stdout  # from the table, before the hub is asked
    assert f"decoder {DECODER} at {COMMIT[:12]} (no revision was asked for: this is today's)" in done.stdout
    assert "compared with the hub's sizes and checksums" in done.stdout
    total = sum(len(served_file) for name in (PRIOR, DECODER, SCORER) for file, served_file in served.files(name)
                if f"{name}/{file}" in brought)  # fmt: skip
    assert f"{total / 1e6:.2f} MB; here already: 0 bytes" in done.stdout


def test_what_is_here_is_verified_and_not_brought_again_even_without_the_hub(served: Hub, tmp_path: Path) -> None:
    _fetch(served, tmp_path)
    first = dict(served.served)
    again = _fetch(served, tmp_path)
    assert again.returncode == ExitCode.DONE, again.stderr
    assert served.served == first and "missing:" not in again.stdout and "to bring: 0 files, 0 bytes" in again.stdout
    offline = _fetch(served, tmp_path, HF_HUB_OFFLINE="1")
    assert offline.returncode == ExitCode.DONE, offline.stderr
    assert "the checksums in this machine's cache (the hub was not asked)" in offline.stdout


def test_a_broken_connection_is_taken_up_where_it_broke(served: Hub, tmp_path: Path) -> None:
    (served.root / UNET).write_bytes(WEIGHTS * 16)
    served.cut[UNET] = 11 << 20  # the hub's client keeps blocks of 10 MiB
    done = _fetch(served, tmp_path)
    assert done.returncode == ExitCode.DONE, done.stderr
    assert [start for name, start in served.ranges if name == UNET] == [0, 10 << 20]


def test_a_fetch_that_stopped_goes_on_with_what_is_left(served: Hub, tmp_path: Path) -> None:
    gone = served.root / SCORER
    gone.rename(served.root / "away")
    stopped = _fetch(served, tmp_path)
    assert stopped.returncode == ExitCode.MISSING and f"The scorer {SCORER} is not on this machine" in stopped.stderr
    assert not served.served[UNET]  # nothing is brought before everything is known to be there
    (served.root / "away").rename(gone)
    served.spoilt.add(f"{SCORER}/open_clip_model.safetensors")
    assert _fetch(served, tmp_path).returncode == ExitCode.MISSING
    served.spoilt.clear()
    assert _fetch(served, tmp_path).returncode == ExitCode.DONE
    assert served.served[UNET] == 1 and served.served[f"{SCORER}/open_clip_model.safetensors"] == 2


def test_a_damaged_file_is_caught_removed_and_brought_again(served: Hub, tmp_path: Path) -> None:
    served.spoilt |= {UNET, f"{DECODER}/model_index.json".replace("model_index", "unet/config")}
    done = _fetch(served, tmp_path)
    assert done.returncode == ExitCode.MISSING
    assert f"2 of 8 files of {DECODER} came damaged" in done.stderr
    assert "unet/diffusion_pytorch_model.safetensors has another SHA-256" in done.stderr
    assert "unet/config.json has another checksum" in done.stderr and "Traceback" not in done.stderr
    assert UNET not in _brought(tmp_path)
    served.spoilt.clear()
    assert _fetch(served, tmp_path).returncode == ExitCode.DONE
    assert UNET in _brought(tmp_path)


def test_a_file_that_was_damaged_on_the_disk_is_caught_offline(served: Hub, tmp_path: Path) -> None:
    _fetch(served, tmp_path)
    cached = next((tmp_path / "hub/hub").glob("models--*decoder/snapshots/*/unet/*.safetensors"))
    content = bytearray(cached.read_bytes())
    content[0] ^= 1
    cached.resolve().chmod(0o644)
    cached.resolve().write_bytes(content)
    done = _fetch(served, tmp_path, HF_HUB_OFFLINE="1")
    assert done.returncode == ExitCode.MISSING and "has another SHA-256" in done.stderr


def test_weights_that_are_pickled_only_are_refused(served: Hub, tmp_path: Path) -> None:
    for path in (served.root / DECODER / "movq").glob("*.safetensors"):
        path.unlink()
    done = _fetch(served, tmp_path)
    assert done.returncode == ExitCode.MISSING and "pickle files only (movq)" in done.stderr
    assert not any(name.endswith((".bin", ".safetensors")) for name in _brought(tmp_path))


def test_a_hub_that_cannot_be_reached_names_all_that_is_missing(served: Hub, tmp_path: Path) -> None:
    done = _fetch(served, tmp_path, HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == ExitCode.MISSING and "Traceback" not in done.stderr
    assert all(f"`hf download {name}`" in done.stderr for name in (PRIOR, DECODER, SCORER))
    assert f"missing: prior {PRIOR}, about 14.26 GB" in done.stdout


def test_controlnet_brings_its_own_decoder_and_what_makes_hints(served: Hub, tmp_path: Path) -> None:
    spec = SPEC + "task: controlnet-depth-text-to-image\nmetrics: [depth_agreement]\n"
    Image.new("RGB", (64, 64), "grey").save(tmp_path / "cat.png")
    spec = spec.replace(
        "prompts: [a red star]\n", "inputs:\n  - {prompt: a red star, image: cat.png, hint: estimate}\n"
    )
    done = _fetch(served, tmp_path, spec)
    assert done.returncode == ExitCode.DONE, done.stderr + done.stdout
    brought = _brought(tmp_path)
    assert any(CONTROLNET in name for name in brought) and f"{DEPTH}/model.safetensors" in brought
    assert not any(DECODER in name or SCORER in name for name in brought)


def test_the_miniature_needs_nothing(served: Hub, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("prompts: [a red star]\nmodel: mini-2.2\ndevice: cpu\n")
    done = _harness(served, tmp_path, "fetch", "spec.yaml", "--json")
    assert done.returncode == ExitCode.DONE, done.stderr
    told = json.loads(done.stdout)
    assert {row["place"]["kind"] for row in told} == {"package"} and not any(row["brought_bytes"] for row in told)


@pytest.mark.slow
def test_the_loader_finds_offline_what_was_fetched(served: Hub, tmp_path: Path) -> None:
    _fetch(served, tmp_path)
    code = (
        "from harness.catalog.models import MODELS\nfrom harness.pipelines.load import folder_of\n"
        "for part in ('prior', 'decoder'): print(folder_of(MODELS['kandinsky-2.2'].parts[part], part, '2.2'))\n"
    )
    known = {name: value for name, value in unmeasured().items() if name != "HF_ENDPOINT"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False,
        env={**known, "HF_HOME": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [Path(line).name for line in done.stdout.split()] == [COMMIT, COMMIT]
