"""What a plan needs, and what of it is here: seen in folders alone. Which files of a repository are wanted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import constants
from support.hub import COMMIT

from harness.catalog.sizes import download_bytes
from harness.catalog.types import Place
from harness.errors import MissingError
from harness.plan.build import build_plan
from harness.plan.types import Plan
from harness.run.fetch import choose
from harness.run.verify import File, Listing, cached_listing, damage
from harness.run.wanted import Need, is_whole, missing, needed, revision_of, snapshot_of
from harness.spec.load import load_spec

SCORER = Need("scorer", Place(kind="hub", where="someone/scorer"))
DECODER = Need("decoder", Place(kind="hub", where="kandinsky-community/kandinsky-2-2-decoder"), "decoder", "2.2")
THREE = Need("decoder", Place(kind="hub", where="kandinsky-community/kandinsky-3", variant="fp16"), "decoder", "3")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _snapshot(cache: Path, place: Place) -> Path:
    """A repository of which the cache holds one commit, as the newest."""
    repository = cache / ("models--" + place.where.replace("/", "--"))
    (repository / "refs").mkdir(parents=True)
    (repository / "refs/main").write_text(COMMIT)
    folder = repository / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    return folder


def _decoder(folder: Path) -> Path:
    (folder / "model_index.json").write_text("{}")
    for name in ("unet", "movq", "scheduler"):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text("{}")
    for name in ("unet", "movq"):
        (folder / name / "diffusion_pytorch_model.safetensors").write_bytes(b"")
    return folder


def _plan(tmp_path: Path, text: str) -> Plan:
    (tmp_path / "spec.yaml").write_text(f"prompts: [a red star]\ndevice: cpu\n{text}")
    return build_plan(load_spec(str(tmp_path / "spec.yaml")), only={}, limit=None, device=None, paces=[])


def test_parts_and_scorers_are_needed_each_once(tmp_path: Path) -> None:
    plan = _plan(tmp_path, "model: [kandinsky-2.2, kandinsky-3]\nscheduler: [DDIM, DDPM]\n")
    assert [(need.what, need.place.where.partition("/")[2]) for need in needed(plan)] == [
        ("prior", "kandinsky-2-2-prior"),
        ("decoder", "kandinsky-2-2-decoder"),
        ("decoder", "kandinsky-3"),
        ("scorer", "CLIP-ViT-B-32-laion2B-s34B-b79K"),
    ]


def test_what_is_missing_is_told_with_its_size(tmp_path: Path, cache: Path) -> None:
    plan = _plan(tmp_path, "model: kandinsky-2.2\n")
    prior, decoder, scorer = missing(plan)
    assert (decoder.what, decoder.place) == ("decoder", DECODER.place)
    assert decoder.bytes == download_bytes(DECODER.place) == 4 * 1_320_889_783
    _decoder(_snapshot(cache, DECODER.place))
    assert missing(plan) == [prior, scorer]
    assert missing(_plan(tmp_path, "model: mini-2.2\n")) == []


def test_a_repository_is_whole_with_every_component_and_every_shard(tmp_path: Path) -> None:
    folder = _decoder(tmp_path)
    assert is_whole(folder, DECODER)
    weights = folder / "unet/diffusion_pytorch_model.safetensors"
    weights.rename(folder / "unet/diffusion_pytorch_model-00001-of-00002.safetensors")
    shards = {name: f"diffusion_pytorch_model-{name}-of-00002.safetensors" for name in ("00001", "00002")}
    index = folder / "unet/diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": shards}))
    assert not is_whole(folder, DECODER)
    (folder / "unet" / shards["00002"]).write_bytes(b"")
    assert is_whole(folder, DECODER)
    index.write_text("no JSON")
    assert not is_whole(folder, DECODER)


@pytest.mark.parametrize(
    "gone", ["model_index.json", "scheduler/config.json", "movq/diffusion_pytorch_model.safetensors"]
)
def test_a_repository_that_lacks_something_is_not_whole(tmp_path: Path, gone: str) -> None:
    (_decoder(tmp_path) / gone).unlink()
    assert not is_whole(tmp_path, DECODER)


def test_a_scorer_is_whole_with_its_weights(tmp_path: Path) -> None:
    assert not is_whole(tmp_path, SCORER)
    (tmp_path / "open_clip_model.safetensors").write_bytes(b"")
    assert is_whole(tmp_path, SCORER)


def test_a_revision_stays_what_it_was_at_the_first_download(cache: Path) -> None:
    place = SCORER.place
    assert revision_of(place) is None and snapshot_of(place) is None
    folder = _snapshot(cache, place)
    assert revision_of(place) == COMMIT and snapshot_of(place) == folder
    pinned = place.model_copy(update={"revision": "f" * 40})
    assert revision_of(pinned) == "f" * 40 and snapshot_of(pinned) is None


def _listing(cache: Path, place: Place, *names: str) -> Listing:
    """A listing at a commit whose model_index.json is in the cache already."""
    index = {name: ["diffusers", "Some"] for name in ("unet", "text_encoder")}
    (_snapshot(cache, place) / "model_index.json").write_text(json.dumps(index))
    return Listing(COMMIT, tuple(File(name, 1, None, None) for name in ("model_index.json", *names)), "a test")


def test_of_a_variant_its_shards_are_chosen_and_plain_weights_where_it_has_none(cache: Path) -> None:
    half = ["text_encoder/model.fp16-00001-of-00002.safetensors", "text_encoder/model.fp16-00002-of-00002.safetensors"]
    rest = ["text_encoder/model.safetensors.index.fp16.json", "unet/diffusion_pytorch_model.safetensors"]
    other = ["text_encoder/model-00001-of-00001.safetensors", "root.safetensors", "unet/model.bin", "vae/config.json",
             "unet/../../escape.json"]  # fmt: skip
    chosen = choose(THREE, _listing(cache, THREE.place, *half, *rest, *other))
    assert {file.name for file in chosen.files} == {"model_index.json", *half, *rest}
    plain = choose(DECODER, _listing(cache, DECODER.place, *half, *rest, *other))
    assert {file.name for file in plain.files} == {"model_index.json", *rest, other[0]}


def test_a_component_that_is_pickled_only_is_refused(cache: Path) -> None:
    with pytest.raises(MissingError, match=r"pickle files only \(unet\)"):
        choose(DECODER, _listing(cache, DECODER.place, "unet/model.bin", "text_encoder/model.safetensors"))


def test_damage_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"what")  # git hash-object and sha256sum of these four bytes
    git, sha256 = (
        "cc0c19dbe00eebb3710082d013eae90ff792bb60",
        ("749ab2c0d06c42ae3b841b79e79875f02b3a042e43c92378cd28bd444c04d284"),
    )
    assert damage(tmp_path / "none", File("none", None, None, None)) == "is not there"
    assert damage(tmp_path / "file", File("file", 5, None, None)) == "has 4 bytes, not 5"
    assert damage(tmp_path / "file", File("file", 4, "0" * 64, None)) == "has another SHA-256"
    assert damage(tmp_path / "file", File("file", 4, None, "0" * 40)) == "has another checksum"
    assert damage(tmp_path / "file", File("file", 4, sha256, None)) is None
    assert damage(tmp_path / "file", File("file", 4, None, git)) is None
    assert damage(tmp_path / "file", File("file", None, None, None)) is None


def test_the_cache_knows_checksums_by_the_names_of_its_blobs(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshots").mkdir()
    for blob in ("a" * 64, "b" * 40):
        (tmp_path / "blobs" / blob).write_bytes(b"123")
        (tmp_path / "snapshots" / blob[0]).symlink_to(tmp_path / "blobs" / blob)
    (tmp_path / "snapshots/copied").write_bytes(b"1")  # where a file system knows no links
    listing = cached_listing(tmp_path / "snapshots")
    assert [(f.name, f.size, f.sha256, f.git_sha1) for f in listing.files] == [
        ("a", 3, "a" * 64, None), ("b", 3, None, "b" * 40), ("copied", 1, None, None),
    ]  # fmt: skip


def test_looking_for_what_is_missing_imports_no_torch(tmp_path: Path) -> None:
    code = "import sys, harness.run.fetch; print([name in sys.modules for name in ('torch', 'huggingface_hub')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "[False, False]"
