"""Rows with images, masks, hints and mixes: what they name, and what is wrong with each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from harness.errors import Problem
from harness.spec.inputs import prompt_id
from harness.spec.inputs_schema import SCHEMAS
from harness.spec.picture_cells import CAPTION
from harness.spec.pictures import load_asset
from harness.spec.types import MixItem, Spec

Faults = Callable[[str], list[Problem]]
Specs = Callable[[str], Spec]

WORLD = "world:a large blue circle in the middle of a red background"


@pytest.fixture(autouse=True)
def _files(tmp_path: Path) -> None:
    half = Image.new("L", (8, 4))
    half.paste(255, (4, 0, 8, 4))
    clear = Image.new("RGBA", (8, 4), (9, 9, 9, 255))
    clear.paste((0, 0, 0, 0), (0, 0, 4, 4))
    (tmp_path / "folder").mkdir()
    for name, image in {
        "a.png": Image.new("RGB", (8, 4), (1, 2, 3)), "clear.png": clear, "half.png": half,
        "folder/b.png": Image.new("RGB", (8, 8), (5, 5, 5)), "folder/a.jpg": Image.new("RGB", (8, 8), (250, 250, 250)),
        "black.png": Image.new("L", (8, 4), 127), "white.png": Image.new("L", (8, 4), 128),
        "small.png": Image.new("L", (4, 2), 255), "rgb.png": Image.new("RGB", (8, 8), (1, 2, 3)),
    }.items():  # fmt: skip
        image.save(tmp_path / name)
    (tmp_path / "folder" / "notes.txt").touch()


def _pixels(spec: Spec, key: str | None) -> list[int]:
    """The bytes of an asset, made again from its source as a run does it."""
    assert key is not None
    asset, _ = load_asset(spec.assets[key].source)
    assert asset == spec.assets[key]
    with Image.open(_png(spec, key)) as image:
        return list(image.tobytes())


def _png(spec: Spec, key: str) -> Path:
    path = Path(spec.path).with_name("made.png")
    path.write_bytes(load_asset(spec.assets[key].source)[1])
    return path


def test_an_image_is_a_path_an_asset_and_a_part_of_the_id(spec_of: Specs, tmp_path: Path) -> None:
    spec = spec_of("inputs: [{prompt: a, image: a.png}, {prompt: a, image: {file: folder/b.png}}]\nseeds: [1, 2]\n")
    assert [row.id[:-3] for row in spec.rows] == [row.id[:-3] for i in (0, 2) for row in [spec.rows[i]] * 2]
    assert all(row.prompt_id.startswith(prompt_id("a", None) + "-i") for row in spec.rows)
    assert (
        len({row.prompt_id for row in spec.rows}) == 2 and len({row.id for row in spec.rows}) == 4
    )  # seeds are no units
    head, digits, seed = spec.rows[0].id.split("-")
    assert (head, digits[0], len(digits), seed) == (prompt_id("a", None), "i", 11, "s1")
    asset = spec.assets[spec.rows[0].image or ""]
    assert asset.source == {"file": str(tmp_path / "a.png"), "as": "image"} and (asset.width, asset.height) == (8, 4)
    assert _pixels(spec, spec.rows[0].image) == [1, 2, 3] * 32 and len(spec.assets) == 2


def test_an_id_follows_from_pixels_not_from_names(spec_of: Specs, tmp_path: Path) -> None:
    (tmp_path / "copy.png").write_bytes((tmp_path / "a.png").read_bytes())
    (first,), (second,) = (spec_of(f"inputs: [{{prompt: a, image: {name}}}]").rows for name in ("a.png", "copy.png"))
    assert first == second
    (other,) = spec_of("inputs: [{prompt: a, image: a.png, mask: half.png}]").rows
    assert other.id != first.id and other.prompt_id != first.prompt_id


def test_an_id_of_ones_own_stands_in_for_the_prompts(spec_of: Specs) -> None:
    first, second = spec_of("inputs: [{id: x, prompt: a}, {id: x, prompt: a, image: a.png}]").rows
    assert first.id == "x-s0" and second.id.startswith("x-i") and second.prompt_id == "x"


def test_a_folder_gives_a_row_for_each_picture(spec_of: Specs) -> None:
    spec = spec_of("inputs: [{prompt: a, image: {folder: folder}, mask: 'box:0,0,1,1'}]\nseeds: [0, 1]")
    names = [Path(spec.assets[row.image or ""].source["file"]).name for row in spec.rows]
    assert names == ["a.jpg", "a.jpg", "b.png", "b.png"] and len({row.mask for row in spec.rows}) == 1
    (row,) = spec_of("inputs: [{prompt: a, image: {folder: folder, first: 1}}]").rows
    assert row.image == spec.rows[0].image


def test_a_folders_pictures_are_sorted_by_name(spec_of: Specs, tmp_path: Path) -> None:
    names = [f"{i * 7 % 16:02d}.png" for i in range(16)]  # a file system may well list them as they were written
    for i, name in enumerate(names):
        Image.new("L", (1, 1), i).save(tmp_path / "folder" / name)
    spec = spec_of("inputs: [{prompt: a, image: {folder: folder, first: 16}}]")
    assert [Path(spec.assets[row.image or ""].source["file"]).name for row in spec.rows] == sorted(names)


def test_a_world_sample_may_be_given_as_text(spec_of: Specs, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"prompt,image,hint\na,{WORLD}#3,{WORLD}#3\nb,{WORLD},estimate\n")
    spec = spec_of("inputs: t.csv")
    first, second = spec.rows
    source = {"world": WORLD[6:], "seed": 3}
    assert spec.assets[first.image or ""].source == {**source, "as": "image"}
    assert (
        spec.assets[first.hint or ""].source == {**source, "as": "hint"} and spec.assets[first.hint or ""].mode == "L"
    )
    assert (spec.assets[second.image or ""].source["seed"], second.hint) == (0, "estimate")
    mapped = spec_of(f"inputs: [{{prompt: a, image: {{world: '{WORLD[6:]}', seed: 3}}}}]").rows
    assert mapped[0].image == first.image


def test_a_mask_is_white_where_it_repaints(spec_of: Specs) -> None:
    masks = ["half.png", {"box": [4, 0, 8, 4]}, "box:4, 0, 8, 4", "alpha"]
    rows = [{"id": f"r{i}", "prompt": "a", "image": "clear.png", "mask": mask} for i, mask in enumerate(masks)]
    right, left = [0, 0, 0, 0, 255, 255, 255, 255] * 4, [255, 255, 255, 255, 0, 0, 0, 0] * 4
    spec = spec_of(f"inputs: {json.dumps(rows)}")
    assert [_pixels(spec, row.mask) for row in spec.rows] == [right, right, right, left] and spec.notes == ()
    spec = spec_of(f"inputs: {json.dumps(rows)}\nmask_convention: black")
    assert [_pixels(spec, row.mask) for row in spec.rows] == [left, right, right, left]  # files only


def test_a_mask_goes_with_its_resized_image(spec_of: Specs, tmp_path: Path) -> None:
    for name in ("clear.png", "half.png"):
        with Image.open(tmp_path / name) as image:
            image.resize((16, 8), Image.Resampling.NEAREST).save(tmp_path / f"wide-{name}")
    masks = ["wide-half.png", "box:4,0,8,8", "alpha", "half.png"]
    rows = [{"id": f"r{i}", "prompt": "a", "image": "wide-clear.png", "mask": mask} for i, mask in enumerate(masks)]
    spec = spec_of(f"inputs: {json.dumps(rows[:3])}\nresize: 8x8")
    right, left = [0, 0, 0, 0, 255, 255, 255, 255], [255, 255, 255, 255, 0, 0, 0, 0]
    assert [_pixels(spec, row.mask) for row in spec.rows] == [right * 8, right * 8, left * 8]
    spec = spec_of(f"inputs: {json.dumps(rows[:1] + rows[3:])}\nresize: {{thumbnail: 8}}")
    assert [_pixels(spec, row.mask) for row in spec.rows] == [right * 4, right * 4]  # half.png has that size already


def test_a_mask_that_is_white_everywhere_is_noted(spec_of: Specs) -> None:
    spec = spec_of("inputs: [{prompt: a, image: a.png, mask: white.png}]\nseeds: [0, 1]")
    assert spec.notes == ("inputs[0]: the mask is white everywhere: the whole picture is repainted",)


def test_a_hint_keeps_its_colours(spec_of: Specs) -> None:
    spec = spec_of("inputs: [{prompt: a, hint: rgb.png}, {prompt: a, hint: half.png}]\nresize: 16x16")
    assert [spec.assets[row.hint or ""].mode for row in spec.rows] == ["RGB", "L"]
    assert [spec.assets[row.hint or ""].width for row in spec.rows] == [8, 8]  # a hint is not resized


def test_a_mix_is_of_texts_and_pictures(spec_of: Specs) -> None:
    mix = ["a cat", {"text": ""}, {"file": "a.png"}, WORLD, {"world": CAPTION, "seed": 1}]
    spec = spec_of(f"inputs: [{{mix: {json.dumps(mix)}, weights: [0.2, 0.2, 0.2, 0.2, 0.2]}}]\nresize: {{crop: 16}}")
    (row,) = spec.rows
    assert row.mix[:2] == (MixItem(text="a cat"), MixItem(text=""))
    assert [spec.assets[thing.image or ""].width for thing in row.mix[2:]] == [16, 16, 16]
    assert (row.prompt, row.weights, spec.notes) == ("", (0.2,) * 5, ())


def test_a_mix_stands_in_for_the_prompt_in_the_id(spec_of: Specs) -> None:
    first, second, third, fourth = spec_of(
        "inputs: [{mix: [a, b], weights: [0.5, 0.5]}, {mix: [a, b], weights: [0, 1]}, {mix: [b, a]},"
        " {prompt: c, mix: [a, b]}]"
    ).rows
    assert first.prompt_id == second.prompt_id and first.id != second.id
    assert len({first.prompt_id, third.prompt_id, prompt_id("", None)}) == 3
    assert fourth.prompt_id == prompt_id("c", None)


def test_weights_that_do_not_sum_to_one_are_noted_and_left_alone(spec_of: Specs) -> None:
    text = "inputs: [{id: x, mix: [a, b, c], weights: [1, 0.5, 0.5]}]\n"
    spec = spec_of(text)
    assert spec.rows[0].weights == (1, 0.5, 0.5)
    told = "inputs[0]: the weights [1.0, 0.5, 0.5] sum to 2"
    assert spec.notes == (f"{told}, not 1, and are used as they are",)
    spec = spec_of(text + "normalise_weights: true")
    assert spec.rows[0].weights == (0.5, 0.25, 0.25) and spec.notes == (f"{told}; they were normalised to sum to 1",)
    assert spec_of("inputs: [{mix: [a, b, c], weights: [0.3, 0.3, 0.4]}]").notes == ()


ONE_FAULT = [
    ("image: 3", "image", "3 is no image"),
    ("image: [a.png]", "image", "is no image"),
    ("image: ' '", "image", "' ' is no image"),
    ("image: {}", "image", "{} is no image"),
    ("image: {flie: a.png}", "image", "is no image"),
    ("image: {file: a.png, url: b}", "image", "is no image"),
    ("image: {file: a.png, seed: 3}", "image", "unknown key 'seed'"),
    ("image: {file: 3}", "image", "3 is no path"),
    ("image: folder", "image", "is no file"),
    ("image: {folder: folder, first: 0}", "image", "first: 0 will not do"),
    ("image: {folder: folder, first: 3}", "image", "folder has 2 pictures, not 3"),
    ("image: {folder: .., first: 3}", "image", ".. has no pictures in it"),
    ("image: 'https://example.invalid/a.png'", "image", "stands in the web, which this spec does not allow"),
    ("image: {url: 'ftp://example.invalid/a.png'}", "image", "is no address"),
    ("image: 'world:a cat'", "image", "'a cat' is no caption"),
    (f"image: {{world: {CAPTION}, seed: -1}}", "image", "-1 is no seed"),
    ("image: {box: [0, 0, 1, 1]}", "image", "is no image"),
    ("image: a.png, mask: 3", "mask", "3 is no mask"),
    ("image: a.png, mask: alpha", "mask", "has no transparency"),
    ("image: a.png, mask: {box: [0, 0, 9, 4]}", "mask", "reaches out of the image"),
    ("image: a.png, mask: {box: [2, 0, 2, 4]}", "mask", "is no box"),
    ("image: a.png, mask: {box: [0, 0, 1.5, 4]}", "mask", "is no box"),
    ("image: a.png, mask: 'box:0,0,1'", "mask", "is no box"),
    ("image: a.png, mask: small.png", "mask", "the mask has 4x2 pixels, its image 8x4"),
    ("image: a.png, mask: black.png", "mask", "there is nothing to repaint"),
    ("mask: half.png", "mask", "there is a mask and no image"),
    ("hint: estimate", "hint", "there is an estimated hint and no image"),
    ("hint: {box: [0, 0, 1, 1]}", "hint", "is no hint"),
    ("mix: a", "mix", "'a' is no mix"),
    ("mix: [a]", "mix", "is no mix"),
    ("mix: [a, ' ']", "mix", "' ' is no text to mix"),
    ("mix: [a, 3]", "mix", "3 is no mix"),
    ("mix: [a, {folder: folder}]", "mix", "is no mix"),
    ("mix: [a, b], weights: [1]", "weights", "there are 1 weights for the 2 things"),
    ("mix: [a, b], weights: [1, null]", "weights", "are no weights"),
    ("mix: [a, b], weights: [1, .inf]", "weights", "are no weights"),
    ("mix: [a, b], weights: 0.5", "weights", "are no weights"),
    ("weights: [1, 0]", "weights", "there are weights and no mix"),
    ("image: nowhere.png", "image", "nowhere.png cannot be read"),
    ("image: ~nobody-of-that-name/x", "image", "there is no such home"),
    ("image: {folder: nowhere}", "image", "nowhere cannot be read"),
]


@pytest.mark.parametrize(("cells", "column", "part"), ONE_FAULT, ids=[row[0] for row in ONE_FAULT])
def test_what_is_wrong_with_a_row(faults_of: Faults, cells: str, column: str, part: str) -> None:
    (fault,) = faults_of(f"name: x\ninputs:\n - {{prompt: a, {cells}}}\n")
    assert (fault.line, fault.path, part in fault.happened) == (3, f"inputs[0].{column}", True), fault
    assert fault.missing is ("nowhere" in cells or "nobody" in cells) and fault.expected


def test_a_fault_of_a_tables_cell_names_its_line(faults_of: Faults, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("prompt,image\na,a.png\nb,nowhere.png\n")
    (fault,) = faults_of("inputs: t.csv")
    assert fault.happened.startswith("t.csv:3: ") and fault.path == "inputs" and fault.missing


def test_weights_that_sum_to_nothing_cannot_be_normalised(faults_of: Faults) -> None:
    (fault,) = faults_of("inputs: [{mix: [a, b], weights: [1, -1]}]\nnormalise_weights: true")
    assert (fault.path, "cannot be normalised" in fault.happened) == ("inputs[0].weights", True)


def test_the_same_row_twice_is_a_fault_and_another_picture_is_none(faults_of: Faults, tmp_path: Path) -> None:
    (tmp_path / "copy.png").write_bytes((tmp_path / "a.png").read_bytes())
    rows = "{prompt: a, image: a.png}, {prompt: a, image: rgb.png}, {prompt: a, image: copy.png}, {prompt: b}"
    (fault,) = faults_of(f"inputs: [{rows}]")
    assert (fault.path, fault.happened) == ("inputs[2]", "'a' stands there twice")
    (fault,) = faults_of("inputs: [{id: x, mix: [a, b]}, {id: x, mix: [b, a]}]")
    assert (fault.path, "already means another" in fault.happened) == ("inputs[1]", True)
    (fault,) = faults_of("inputs: [{mix: [a, b]}, {mix: [a, b]}]")
    assert (fault.path, fault.happened) == ("inputs[1]", "the row stands there twice")


def test_digits_that_agree_by_chance_are_a_fault(faults_of: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.spec.gallery.Content.digits", property(lambda content: "000000"))
    (fault,) = faults_of("inputs: [{prompt: a, image: a.png}, {prompt: a, image: rgb.png}]")
    assert "already means other pictures" in fault.happened


def test_more_rows_than_anyone_means_are_refused_before_a_picture_is_read(faults_of: Faults, tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for i in range(1001):
        (tmp_path / "many" / f"{i}.png").touch()
    (fault,) = faults_of(f"inputs: [{{prompt: a, image: {{folder: many}}}}]\nseeds: {list(range(1000))}")
    assert fault.happened == "1,001,000 images are asked for in every cell"


GOOD: list[dict[str, Any]] = [
    {
        "inputs": [
            {"prompt": "", "image": "a.png", "mask": {"box": [0, 0, 1, 1]}, "hint": "estimate", "id": 7, "seed": 1}
        ]
    },
    {"inputs": [{"mix": ["a", {"text": ""}, {"file": "a.png"}, {"world": CAPTION}], "weights": [1, 0, -1, 0.5]}]},
    {"inputs": [{"prompt": "a", "image": {"folder": "folder", "first": 1}, "mask": {"box": [0, 0, 1, 1]}}]},
    {"prompts": ["", "a"], "resize": "64x32", "mask_convention": "black", "allow_urls": True},
    {"prompts": "a", "resize": {"thumbnail": 64}, "normalise_weights": False},
]
BAD: list[dict[str, Any]] = [
    {"inputs": []},
    {"inputs": [{"image": "a.png"}]},
    {"inputs": [{"prompt": "a", "imgae": "a.png"}]},
    {"inputs": [{"prompt": "a", "image": {"file": "a.png", "seed": 1}}]},
    {"inputs": [{"prompt": "a", "image": "a.png", "mask": {"box": [0, 0, 1]}}]},
    {"inputs": [{"mix": ["a"]}]},
    {"prompts": {"column": "prompt"}},
    {"prompts": "a", "resize": 64},
    {"prompts": "a", "resize": {"crop": 4}},
    {"prompts": "a", "mask_convention": "grey"},
]


@pytest.mark.parametrize(("data", "right"), [(one, True) for one in GOOD] + [(one, False) for one in BAD], ids=str)
def test_the_schema_and_the_reader_agree(faults_of: Faults, data: dict[str, Any], right: bool) -> None:
    schema = Draft202012Validator({"properties": SCHEMAS, "additionalProperties": False})
    assert schema.is_valid(data) is right
    assert (faults_of(json.dumps(data)) == []) is right


def _sizes(spec: Spec, *names: str) -> list[tuple[int, int]]:
    (row,) = spec.rows
    assets = [spec.assets[getattr(row, name)] for name in names]
    return [(asset.width, asset.height) for asset in assets]


def test_a_mask_and_a_map_are_resized_with_their_own_picture(spec_of: Specs) -> None:
    """By its own rule, where it has one: what belongs together stays together."""
    row = "prompt: a, image: {file: a.png, resize: {crop: 16}}"
    assert _sizes(spec_of(f"inputs: [{{{row}, mask: half.png}}]\n"), "image", "mask") == [(16, 16), (16, 16)]
    assert _sizes(spec_of(f"inputs: [{{{row}, hint: half.png}}]\n"), "image", "hint") == [(16, 16), (16, 16)]
    spec = spec_of("resize: 16x8\ninputs: [{prompt: a, image: {file: a.png, resize: none}, mask: half.png}]\n")
    assert _sizes(spec, "image", "mask") == [(8, 4), (8, 4)]  # the picture's own `none` comes before the spec's rule


@pytest.mark.parametrize("column", ["mask", "hint"])
def test_a_mask_or_a_map_has_no_rule_of_its_own(faults_of: Faults, column: str) -> None:
    (fault,) = faults_of(f"inputs: [{{prompt: a, image: a.png, {column}: {{file: half.png, resize: 16x8}}}}]\n")
    assert "no `resize` of its own" in fault.happened and "with its image" in fault.expected


def test_a_file_is_no_prompt_of_a_mix(faults_of: Faults, spec_of: Specs) -> None:
    (fault,) = faults_of("inputs: [{mix: [a star, a.png]}]\n")
    assert "looks like a picture's file" in fault.happened and "{file: a.png}" in fault.expected
    (row,) = spec_of("inputs: [{mix: [a star, {text: a.png}]}]\n").rows
    assert row.mix[1] == MixItem(text="a.png")


def test_an_address_that_was_not_fetched_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planning leaves pictures in the web, their masks and boxes too."""
    from harness.spec.load import load_spec

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    address = "http://127.0.0.1:9/a.png"
    first = f"{{prompt: a, image: '{address}', mask: {{box: [0, 0, 9, 9]}}}}"
    rows = f"[{first}, {{prompt: b, image: a.png, mask: '{address}'}}]"
    (tmp_path / "spec.yaml").write_text(f"allow_urls: true\ninputs: {rows}\n")
    spec = load_spec(str(tmp_path / "spec.yaml"), fetch=False)
    waiting = [asset.pending for asset in spec.assets.values()]
    assert sorted(waiting) == [False, True, True, True] and any(address in note for note in spec.notes)
