"""Models from folders: rows of the same kind as the catalog's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.catalog.models import MODELS, local_model


def _part(folder: Path, pipeline: str, **files: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "model_index.json").write_text(json.dumps({"_class_name": pipeline}))
    for name, content in files.items():
        (folder / name).mkdir()
        file = "config.json" if name == "unet" else "scheduler_config.json"
        (folder / name / file).write_text(json.dumps(content))
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    _part(tmp_path / "m" / "prior", "KandinskyV22PriorPipeline")
    _part(tmp_path / "m" / "decoder", "KandinskyV22Pipeline",
          unet={"sample_size": 8}, scheduler={"_class_name": "DDPMScheduler"})  # fmt: skip
    return tmp_path / "m"


def test_a_folder_is_a_row_like_the_catalogs(model: Path) -> None:
    row = local_model("./m", model.parent)
    assert row.name == "./m" and {place.kind for place in row.parts.values()} == {"folder"}
    assert {part: place.where for part, place in row.parts.items()} == {
        "prior": str(model / "prior"), "decoder": str(model / "decoder"),
    }  # fmt: skip
    assert row.version == "2.2"
    assert (row.default_size, row.default_schedulers) == ((64, 64), {"decoder": "DDPMScheduler"})
    assert row.scorer == MODELS["mini-2.2"].scorer  # a small decoder is judged as the miniature is


def test_a_decoder_of_full_size_is_like_the_hubs(model: Path) -> None:
    (model / "decoder" / "unet" / "config.json").write_text('{"sample_size": 64}')
    (model / "decoder" / "scheduler" / "scheduler_config.json").unlink()
    row, hub = local_model("./m", model.parent), MODELS["kandinsky-2.2"]
    assert (row.default_size, row.scorer, row.default_dtype) == (hub.default_size, hub.scorer, hub.default_dtype)
    assert row.default_schedulers == {}


def test_a_pair_takes_parts_from_folders_and_from_the_catalog(model: Path) -> None:
    row = local_model({"decoder": "m/decoder", "prior": "kandinsky-2.2"}, model.parent)
    assert row.name == "prior kandinsky-2.2, decoder m/decoder"
    assert (row.parts["decoder"].kind, row.parts["prior"]) == ("folder", MODELS["kandinsky-2.2"].parts["prior"])
    row = local_model({"decoder": "mini-2.2", "prior": "m/prior"}, model.parent)
    assert (row.parts["decoder"], row.default_schedulers) == (
        MODELS["mini-2.2"].parts["decoder"], {"decoder": "DDIMScheduler"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("pipeline", "version"),
    [("KandinskyPipeline", "2.1"), ("KandinskyImg2ImgPipeline", "2.1"), ("KandinskyV22Img2ImgPipeline", "2.2"),
     ("Kandinsky3Pipeline", "3")],
)  # fmt: skip
def test_the_version_is_what_the_decoder_is(tmp_path: Path, pipeline: str, version: str) -> None:
    _part(tmp_path / "m" / "decoder", pipeline, unet={"block_out_channels": [64, 128]})
    row = local_model("./m", tmp_path)
    assert (row.version, row.scorer, row.default_size) == (version, "mini-scorer", (64, 64))
    assert set(row.parts) == {"decoder"}


def test_a_model_may_have_more_decoders_than_one(model: Path) -> None:
    _part(model / "inpaint", "KandinskyV22InpaintPipeline")
    _part(model / "controlnet", "KandinskyV22ControlnetPipeline")
    assert set(local_model("./m", model.parent).parts) == {"prior", "decoder", "inpaint", "controlnet"}
    with pytest.raises(ValueError, match="kandinsky-3 has no inpaint"):
        local_model({"decoder": "m/decoder", "inpaint": "kandinsky-3"}, model.parent)


def test_a_folder_with_a_prior_alone_lacks_a_decoder(model: Path) -> None:
    (model / "decoder").rename(model / "elsewhere")
    with pytest.raises(FileNotFoundError, match="decoder"):
        local_model("./m", model.parent)


def test_an_absolute_folder_and_a_home_are_taken(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(model.parent))
    assert local_model(str(model), Path("/")).parts == local_model("~/m", Path("/")).parts


@pytest.mark.parametrize("name", ["./none", "./" + "x" * 300, "~nobody-of-that-name/m", "./loop"])
def test_a_folder_that_is_not_there_is_missing(model: Path, name: str) -> None:
    (model.parent / "loop").symlink_to(model.parent / "loop")
    with pytest.raises(FileNotFoundError):
        local_model(name, model.parent)


@pytest.mark.parametrize(
    ("part", "content", "told"),
    [
        (
            "decoder",
            '{"_class_name": "KandinskyPipeline"}',
            "parts of two versions do not .*the decoder is a 2.1's",
        ),
        ("prior", '{"_class_name": "KandinskyV22Pipeline"}', "prior holds KandinskyV22Pipeline, which is no prior"),
        ("prior", "[]", "holds no diffusers pipeline"),
        ("decoder", "{", "has a model_index.json that cannot be read"),
    ],
)
def test_a_folder_of_something_else_says_what_it_is(model: Path, part: str, content: str, told: str) -> None:
    (model / part / "model_index.json").write_text(content)
    with pytest.raises(ValueError, match=told):
        local_model("./m", model.parent)


def test_a_folder_that_was_never_saved_by_diffusers_says_so(model: Path) -> None:
    (model / "decoder" / "model_index.json").unlink()
    with pytest.raises(ValueError, match=r"no model_index\.json"):
        local_model("./m", model.parent)
