"""Weights: what is whole in the hub's cache, what is there in part, torn, in another cache, or shipped."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from huggingface_hub import constants
from support.doctor import write_part

from harness.catalog.models import MODELS
from harness.catalog.types import PartName
from harness.run.doctor import parts as told
from harness.run.doctor.parts import parts, torn
from harness.run.doctor.types import Part

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def _cache(folder: Path, part: PartName, model: str = "kandinsky-2.2") -> Path:
    """A part in a hub's cache, as its client keeps it; its snapshot's folder."""
    row = MODELS[model]
    repository = folder / f"models--{row.parts[part].where.replace('/', '--')}"
    write_part(repository / "snapshots" / COMMIT, part, row.version)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    return repository / "snapshots" / COMMIT


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no other."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    return tmp_path / "hub"


def _of(owner: str) -> dict[str, Part]:
    return {part.what: part for part in parts() if part.owner == owner}


def test_an_empty_cache_holds_nothing_of_the_hub_s_and_the_miniature_is_whole(cache: Path) -> None:
    found = parts()
    assert {part.owner for part in found if part.here} == {
        "mini-2.1", "mini-2.2", "mini-3", "mini-scorer", "mini-extractor", "mini-judge", "mini-depth"
    }  # fmt: skip
    assert all(part.reason == "not on this machine" and part.bytes is None for part in found if not part.here)
    prior = _of("kandinsky-2.2")["prior"]
    assert prior.missing_bytes is not None and round(prior.missing_bytes / 1e9) == 14


def test_one_model_in_the_cache_is_here_with_its_size(cache: Path) -> None:
    snapshots = [_cache(cache, "prior"), _cache(cache, "decoder")]
    found = _of("kandinsky-2.2")
    assert {name for name, part in found.items() if part.here} == {"prior", "decoder"}
    sizes = [sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) for folder in snapshots]
    assert [found["prior"].bytes, found["decoder"].bytes] == sizes and found["prior"].missing_bytes is None
    assert not any(part.here for part in _of("kandinsky-2.1").values())


def test_a_part_without_a_component_s_weights_is_not_whole(cache: Path) -> None:
    snapshot = _cache(cache, "decoder")
    (snapshot / "movq" / "model.safetensors").unlink()
    found = _of("kandinsky-2.2")["decoder"]
    assert (found.here, found.reason) == (False, "only partly on this machine") and found.bytes


def test_a_download_that_was_cut_is_found_by_its_length(cache: Path) -> None:
    weights = _cache(cache, "decoder") / "unet" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    found = _of("kandinsky-2.2")["decoder"]
    size = weights.stat().st_size
    assert found.reason == f"unet/model.safetensors has {size:,} bytes, not the {size + 1:,} that its header says"


@pytest.mark.parametrize(
    "content",
    [b"", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", (2).to_bytes(8, "little") + b"[]",
     (2**62).to_bytes(8, "little") + b"{}"],
)  # fmt: skip
def test_what_stands_in_the_place_of_weights_is_no_weights(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    assert torn(path) == "is no safetensors file"


def test_sound_weights_are_not_torn() -> None:
    shipped = sorted((Path(told.__file__).parents[2] / "miniature" / "weights").rglob("*.safetensors"))
    assert len(shipped) > 10 and not any(map(torn, shipped))


def test_a_shipped_folder_that_is_damaged_is_named(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import harness
    from harness.pipelines import places

    copy = tmp_path / "installed" / "miniature" / "weights"
    shutil.copytree(Path(harness.__file__).parent / "miniature" / "weights", copy)
    monkeypatch.setattr(places.harness, "__file__", str(copy.parents[1] / "__init__.py"))
    assert _of("mini-3")["decoder"].here and _of("mini-judge")["judge"].here
    shutil.rmtree(copy / "mini-3" / "decoder" / "movq")
    (copy / "judge" / "model.safetensors").unlink()
    assert "lacks movq" in str(_of("mini-3")["decoder"].reason)
    assert _of("mini-judge")["judge"].reason == "without weights (*.safetensors)"


def test_another_cache_that_holds_a_part_is_named(cache: Path, tmp_path: Path) -> None:
    usual = tmp_path / "nobody" / ".cache" / "huggingface" / "hub"
    _cache(usual, "prior")
    found = _of("kandinsky-2.2")
    assert (found["prior"].here, found["prior"].elsewhere) == (False, str(usual))
    assert found["decoder"].elsewhere is None


def test_the_cache_in_use_is_no_other_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = tmp_path / ".cache" / "huggingface" / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(usual))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    _cache(usual, "prior")
    found = _of("kandinsky-2.2")["prior"]
    assert found.here and found.elsewhere is None
