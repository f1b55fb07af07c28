"""The sizes of the real models: fresh, what the literature says of them, and on the page as in the table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.catalog.models import MODELS
from harness.catalog.models_page import measured_in, text
from harness.catalog.sizes import LISTED, TABLE, download_bytes, parameters_of, table, weight_bytes
from harness.catalog.types import Place
from harness.catalog.weights import WEIGHTS

ROOT = Path(__file__).parents[2]
_K2, _K3 = "kandinsky-community/kandinsky-2", "kandinsky-community/kandinsky-3"
#: (repository, component) -> parameters as published: ai-forever/Kandinsky-2's and Kandinsky-3's README, the Hugging
#: Face cards of DPT-Large (343 M) and of SDXL's second text encoder, open_clip's table of profiles
PUBLISHED: dict[tuple[str, str], tuple[float, float]] = {
    (f"{_K2}-1", "text_encoder"): (560e6, 0.01),
    (f"{_K2}-1", "unet"): (1.22e9, 0.01),
    (f"{_K2}-1", "movq"): (67e6, 0.02),
    (f"{_K2}-1-prior", "prior"): (1e9, 0.05),
    (f"{_K2}-1-prior", "image_encoder"): (304e6, 0.01),
    (f"{_K2}-2-decoder", "unet"): (1.22e9, 0.03),
    (f"{_K2}-2-prior", "image_encoder"): (1.8e9, 0.03),
    (f"{_K2}-2-prior", "text_encoder"): (694_659_840, 0),
    (_K3, "text_encoder"): (8.6e9, 0.02),
    (_K3, "unet"): (3e9, 0.02),
    (_K3, "movq"): (267e6, 0.02),
    ("Intel/dpt-large", "model"): (343e6, 0.005),
    ("laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "model"): (151.28e6, 0.0001),
}


def test_the_committed_sizes_are_fresh() -> None:
    from harness.pipelines.full_size import text as made

    assert TABLE.read_text() == made(), "run python -m harness.pipelines.full_size"


def test_the_page_is_fresh() -> None:
    page = (ROOT / "docs/models.md").read_text()
    assert page == text(measured_in(ROOT / "docs/full-size.json")), "run nox -s models"


@pytest.mark.parametrize(("where", "component"), PUBLISHED)
def test_a_network_has_the_published_number_of_parameters(where: str, component: str) -> None:
    published, slack = PUBLISHED[where, component]
    assert table()["repositories"][where][component]["parameters"] == pytest.approx(published, rel=slack or 1e-12)


def test_every_repository_of_the_catalog_has_a_size() -> None:
    places = [place for row in MODELS.values() for place in row.parts.values()]
    places += [row.place for row in WEIGHTS.values() if row.place is not None]
    assert {place.where for place in places if place.kind == "hub"} == {*table()["repositories"], *LISTED}
    assert all((download_bytes(place) is not None) == (place.kind == "hub") for place in places)
    assert all((parameters_of(place) is not None) != (place.where in LISTED) for place in places if place.kind == "hub")


def test_bytes_follow_from_parameters_and_dtype() -> None:
    place = Place(kind="hub", where=f"{_K2}-2-decoder")
    parameters = 1_253_057_288 + 67_832_495
    assert weight_bytes(place, "float32") == download_bytes(place) == 4 * parameters
    assert weight_bytes(place, "float16") == weight_bytes(place, "bfloat16") == 2 * parameters
    assert download_bytes(place.model_copy(update={"variant": "fp16"})) == 2 * parameters
    assert weight_bytes(Place(kind="hub", where="someone/else"), "float16") is None
    assert weight_bytes(Place(kind="folder", where=f"{_K2}-2-decoder"), "float16") is None


def test_the_page_says_when_nothing_was_measured(tmp_path: Path) -> None:
    assert measured_in(tmp_path / "full-size.json") is None
    assert "| nothing yet | run `nox -s full-size` |" in text(None)
    (tmp_path / "full-size.json").write_text(json.dumps({"parameters": 1}))
    assert measured_in(tmp_path / "full-size.json") == {"parameters": 1}


def test_the_page_has_a_row_for_each_part_and_each_form_of_a_task() -> None:
    page = text(None)
    assert "| kandinsky-2.2 | controlnet | kandinsky-community/kandinsky-2-2-controlnet-depth |" in page
    assert "| fp16 | float16 | 64 | 1024×1024 | 12,047,814,963 | 24.10 GB | 48.19 GB |" in page
    assert "| 2.1 | image-to-image | two-stage | 100 | 7 | 25 | 4 | 512 | 512 | 0.3 | – |" in page
    assert "| 2.2 | controlnet-depth-image-to-image | two-stage | 50 | 4 | 25 | 4 | 512 | 512 | 0.5 | 0.85 |" in page
