"""Loading, and every way in which a model can be missing, incomplete or refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_kandinsky import make_group

from harness.catalog.tasks import TASKS
from harness.catalog.types import ModelRow, OptimizationChoice, Place
from harness.errors import ExitCode, HarnessError, MissingError, UsageError
from harness.pipelines.load import load_group
from harness.pipelines.places import check_model, check_part, local_folder


def with_parts(model: ModelRow, places: dict[Any, Place]) -> ModelRow:
    return model.model_copy(update={"parts": {**model.parts, **places}})


def test_a_loaded_group_is_in_its_dtype_and_ready(tiny_folder: Path, model_row: Any, group: Any) -> None:
    loaded = load_group(group.model_copy(update={"dtype": "bfloat16"}), model_row(tiny_folder), "cpu")
    for pipeline in (loaded.prior, loaded.decoder):
        for module in (m for m in pipeline.components.values() if isinstance(m, torch.nn.Module)):
            assert not module.training and {p.dtype for p in module.parameters()} == {torch.bfloat16}
    assert (type(loaded.prior).__name__, type(loaded.decoder).__name__) == (
        "KandinskyV22PriorPipeline",
        "KandinskyV22Pipeline",
    )


def test_a_package_folder_is_found_wherever_the_harness_is_installed() -> None:
    import harness

    place = Place(kind="package", where="catalog")
    assert local_folder(place) == Path(harness.__file__).parent / "catalog"
    assert local_folder(Place(kind="hub", where="a/b")) is None


def test_an_unknown_optimization_is_refused_not_ignored(tiny_folder: Path, model_row: Any, group: Any) -> None:
    with pytest.raises(UsageError, match="magic"):
        load_group(
            group.model_copy(update={"optimizations": (OptimizationChoice(name="magic"),)}),
            model_row(tiny_folder),
            "cpu",
        )


def test_a_missing_folder(model_row: Any, group: Any, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no prior folder") as caught:
        load_group(group, model_row(tmp_path / "nowhere"), "cpu")
    assert caught.value.exit_code is ExitCode.MISSING
    with pytest.raises(MissingError, match="no prior folder"):
        check_model(model_row(tmp_path / "nowhere"), ("prior",))


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_a_folder_without_a_readable_index(faulty_folder: Path, text: str | None) -> None:
    index = faulty_folder / "decoder/model_index.json"
    index.unlink() if text is None else index.write_text(text)
    with pytest.raises(MissingError, match=r"model_index\.json|lacks unet, scheduler, movq"):
        check_part(faulty_folder / "decoder", "decoder", "2.2")


def test_all_missing_parts_are_listed(faulty_folder: Path) -> None:
    shutil.rmtree(faulty_folder / "prior/image_encoder")
    shutil.rmtree(faulty_folder / "prior/tokenizer")
    with pytest.raises(MissingError, match="lacks image_encoder, tokenizer"):
        check_part(faulty_folder / "prior", "prior", "2.2")


def test_a_part_without_weights(faulty_folder: Path) -> None:
    next((faulty_folder / "decoder/movq").glob("*.safetensors")).unlink()
    with pytest.raises(MissingError, match="no weights for movq"):
        check_part(faulty_folder / "decoder", "decoder", "2.2")


def test_pickled_weights_are_refused_with_the_way_to_convert(
    faulty_folder: Path, model_row: Any, group: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the way works: what the message prints is run, and its result loads."""
    unet = faulty_folder / "decoder/unet"
    weights = next(unet.glob("*.safetensors"))
    torch.save(load_file(weights), unet / "diffusion_pytorch_model.bin")
    weights.unlink()
    with pytest.raises(MissingError, match=r"pickle files only \(unet\)") as caught:
        load_group(group, model_row(faulty_folder), "cpu")
    monkeypatch.chdir(faulty_folder)
    printed = [line.strip() for line in caught.value.do.splitlines() if line.startswith("  ")]
    exec("\n".join(printed))  # what it tells people to type
    check_part(faulty_folder / "converted-decoder", "decoder", "2.2")


def test_a_part_that_needs_other_code_is_refused(faulty_folder: Path) -> None:
    index = faulty_folder / "decoder/model_index.json"
    parts = json.loads(index.read_text())
    index.write_text(json.dumps({**parts, "unet": ["subprocess", "Popen"]}))
    with pytest.raises(UsageError, match="'subprocess'"):
        check_part(faulty_folder / "decoder", "decoder", "2.2")


@pytest.mark.parametrize("damage", ["cut", "config"])
def test_damaged_files_are_told_apart_from_missing_ones(
    faulty_folder: Path, model_row: Any, group: Any, damage: str
) -> None:
    unet = faulty_folder / "decoder/unet"
    if damage == "cut":
        weights = next(unet.glob("*.safetensors"))
        weights.write_bytes(weights.read_bytes()[:1000])
    else:
        (unet / "config.json").write_text("{}")
    with pytest.raises(HarnessError, match="cannot be loaded") as caught:
        load_group(group, model_row(faulty_folder), "cpu")
    assert caught.value.exit_code is ExitCode.MISSING


@pytest.mark.parametrize(
    "component", ["decoder/unet", "decoder/movq", "prior/prior", "prior/text_encoder", "prior/image_encoder"]
)
def test_a_model_that_lacks_a_tensor_is_refused_not_filled_with_noise(
    faulty_folder: Path, model_row: Any, group: Any, component: str
) -> None:
    (path,) = (faulty_folder / component).glob("*.safetensors")
    tensors = load_file(path)
    lost = [name for name in tensors if name.endswith("weight")][3]
    del tensors[lost]
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(MissingError, match=f"lack 1 tensors, {lost}"):
        load_group(group, model_row(faulty_folder), "cpu")


def test_a_hub_name_without_network_says_how_to_get_it(tiny_folder: Path, model_row: Any, group: Any) -> None:
    """The suite runs with HF_HUB_OFFLINE set, which is one way to have no network."""
    hub = Place(kind="hub", where="kandinsky-community/kandinsky-2-2-decoder", revision="0" * 40, variant="fp16")
    with pytest.raises(MissingError) as caught:
        load_group(group, with_parts(model_row(tiny_folder), {"decoder": hub}), "cpu")
    assert (
        f"kandinsky-community/kandinsky-2-2-decoder at revision {'0' * 40} in the variant fp16" in caught.value.happened
    )
    command = f"`hf download kandinsky-community/kandinsky-2-2-decoder --revision {'0' * 40}`"
    assert command in caught.value.do and "HF_HOME" in caught.value.do


def _in_hub_cache(cache: Path, name: str, folder: Path) -> str:
    """Lay ``folder`` down as the hub's client caches a repository; returns its commit."""
    commit = "c" * 40
    repository = cache / f"models--{name.replace('/', '--')}"
    shutil.copytree(folder, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text(commit)
    return commit


@pytest.mark.parametrize("pinned", [True, False])
def test_a_hub_name_is_found_in_the_cache_without_network(
    tiny_folder: Path, model_row: Any, group: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: bool
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    places = {}
    for part in ("prior", "decoder"):
        commit = _in_hub_cache(tmp_path, f"someone/tiny-{part}", tiny_folder / part)
        places[part] = Place(kind="hub", where=f"someone/tiny-{part}", revision=commit if pinned else None)
    loaded = load_group(group, with_parts(model_row(tiny_folder), places), "cpu")
    assert loaded.decoder_folder == tmp_path / "models--someone--tiny-decoder/snapshots" / commit


def test_a_repository_with_pickled_weights_only_is_refused(
    faulty_folder: Path, model_row: Any, group: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    weights = next((faulty_folder / "decoder/unet").glob("*.safetensors"))
    weights.rename(weights.with_suffix(".bin"))
    _in_hub_cache(tmp_path, "someone/pickled", faulty_folder / "decoder")
    model = with_parts(model_row(faulty_folder), {"decoder": Place(kind="hub", where="someone/pickled")})
    with pytest.raises(MissingError, match="pickle files only"):
        load_group(group, model, "cpu")


@pytest.mark.parametrize(
    ("version", "part", "component"), [("2.1", "decoder", "text_encoder"), ("3", "decoder", "text_encoder"),
                                       ("2.1", "prior", "text_encoder"), ("3", "decoder", "unet")]
)  # fmt: skip
def test_other_versions_that_lack_a_tensor_are_refused_too(
    folder_of_version: Any, model_row: Any, tmp_path: Path, version: Any, part: Any, component: str
) -> None:
    folder = shutil.copytree(folder_of_version(version), tmp_path / "faulty")
    (path,) = (folder / part / component).glob("*.safetensors")
    tensors = load_file(path)
    lost = [name for name in tensors if name.endswith("weight")][3]
    del tensors[lost]
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(MissingError, match=f"lack 1 tensors, {lost}"):
        load_group(make_group(version), model_row(folder, version), "cpu")


def test_a_pooler_that_nothing_asks_may_be_missing(folder_of_version: Any, model_row: Any, tmp_path: Path) -> None:
    folder = shutil.copytree(folder_of_version("2.1"), tmp_path / "pooled")
    (path,) = (folder / "decoder/text_encoder").glob("*.safetensors")
    tensors = load_file(path)
    kept = {name: tensor for name, tensor in tensors.items() if ".pooler." not in name}
    assert len(kept) == len(tensors) - 2
    save_file(kept, path, metadata={"format": "pt"})
    assert load_group(make_group("2.1"), model_row(folder, "2.1"), "cpu").prior is not None


@pytest.mark.parametrize("named", ["KandinskyV22Img2ImgPipeline", "KandinskyV22CombinedPipeline"])
def test_a_folder_may_name_another_of_the_classes_kin(
    faulty_folder: Path, model_row: Any, group: Any, named: str
) -> None:
    index = faulty_folder / "decoder/model_index.json"
    index.write_text(index.read_text().replace("KandinskyV22Pipeline", named))
    assert type(load_group(group, model_row(faulty_folder), "cpu").decoder).__name__ == "KandinskyV22Pipeline"


def test_parts_that_no_task_asks_for_are_not_looked_at(faulty_folder: Path, model_row: Any, group: Any) -> None:
    shutil.rmtree(faulty_folder / "inpaint")
    check_model(model_row(faulty_folder), ("prior", "decoder", "controlnet"))
    load_group(group, model_row(faulty_folder), "cpu")
    with pytest.raises(MissingError, match="no inpaint folder"):
        check_model(model_row(faulty_folder), ("prior", "inpaint"))
    with pytest.raises(MissingError, match="no inpaint folder"):
        load_group(make_group("2.2", "inpainting"), model_row(faulty_folder), "cpu")


def test_only_diffusers_own_text_encoder_may_come_from_elsewhere(folder_of_version: Any, tmp_path: Path) -> None:
    """2.1's folder names it by a folder of diffusers; nothing else may be named so."""
    folder = shutil.copytree(folder_of_version("2.1"), tmp_path / "m") / "decoder"
    index = json.loads((folder / "model_index.json").read_text())
    assert index["text_encoder"] == ["kandinsky", "MultilingualCLIP"]
    check_part(folder, "decoder", "2.1")
    for name, entry in (("text_encoder", ["kandinsky", "Other"]), ("unet", ["kandinsky", "MultilingualCLIP"])):
        (folder / "model_index.json").write_text(json.dumps({**index, name: entry}))
        with pytest.raises(UsageError, match="'kandinsky'"):
            check_part(folder, "decoder", "2.1")


@pytest.mark.parametrize("version", ["2.1", "3"])
def test_what_a_decoder_must_hold_depends_on_the_version(folder_of_version: Any, tmp_path: Path, version: Any) -> None:
    folder = shutil.copytree(folder_of_version(version), tmp_path / "m") / "decoder"
    shutil.rmtree(folder / "tokenizer")
    check_part(folder, "decoder", "2.2")
    with pytest.raises(MissingError, match="lacks tokenizer"):
        check_part(folder, "decoder", version)


@pytest.mark.parametrize("version", ["2.1", "2.2", "3"])
def test_each_task_is_loaded_in_the_tables_classes(loaded_for: Any, version: Any) -> None:
    for task in (task for task, row in TASKS.items() if version in row.pipelines):
        classes = TASKS[task].pipelines[version]
        if classes.decoder is not None:
            loaded = loaded_for(version, task, "two-stage")
            assert (type(loaded.prior).__name__, type(loaded.decoder).__name__) == (classes.prior, classes.decoder)
            assert loaded.combined is None
        if classes.combined is not None:
            loaded = loaded_for(version, task, "combined")
            assert type(loaded.combined).__name__ == classes.combined
            assert loaded.decoder.unet is loaded.combined.unet
