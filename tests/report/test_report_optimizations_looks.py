"""Identical, equivalent, different or inconclusive; and the pixels behind it."""

import hashlib
import io
import math
import zipfile

import numpy as np
import pytest
from PIL import Image
from support.audit_runs import AuditBuilder, _archive

from harness.report.optimizations.audit import read_audit
from harness.report.optimizations.divergence import relative_distance
from harness.report.optimizations.pixels import amplified, apart, pixels_of, saturated


def look_of(tmp_path, *, prompts=4, **known):
    builder = AuditBuilder(tmp_path / "runs", prompts=prompts)
    builder.reference()
    builder.add("compile", **known)
    return read_audit(builder.view()).cells[1].looks


@pytest.mark.parametrize(
    ("known", "sameness", "said"),
    [
        ({"verdict": "regressed"}, "identical", None),
        ({"off": 2}, "equivalent", None),
        ({"off": 2, "verdict": "improved"}, "equivalent", None),
        ({"off": 2, "verdict": "regressed"}, "different", "CLIP score: worse by more than the margin"),
        ({"off": 2, "verdict": "inconclusive"}, "inconclusive", "CLIP score: the interval reaches over the margin"),
        ({"off": 2, "verdict": None}, "inconclusive", "no quality was judged"),
        ({"side": 56}, "different", "of different sizes"),
    ],
)
def test_pixels_first_and_then_the_verdicts(tmp_path, known, sameness, said) -> None:
    look = look_of(tmp_path, **known)
    assert look.sameness == sameness and (look.reason is None) == (said is None)
    assert said is None or said in look.reason


def test_the_numbers_of_pictures_that_differ(tmp_path) -> None:
    look = look_of(tmp_path, off=3)  # every second picture, within a square of 48 × 48 of 64 × 64 pixels
    assert (look.n, look.identical_share, look.largest) == (4, 0.5, 3)
    assert look.psnr_db == pytest.approx(10 * math.log10(255**2 / (9 * (48 * 48) / (64 * 64))))
    turned = 1 - 1 / math.hypot(1, 0.03)
    assert look.feature_distance["mini-extractor"] == pytest.approx(turned, rel=1e-3)
    assert look.farthest.id in ("p0-s0", "p2-s0")


def test_identical_pictures_have_no_psnr(tmp_path) -> None:
    look = look_of(tmp_path)
    assert look.psnr_db is None and look.largest == 0 and look.identical_share == 1.0 and not look.clips


def _written_otherwise(archive: bytes, row: str) -> bytes:
    """The same pixels in a PNG that is not compressed."""
    with zipfile.ZipFile(io.BytesIO(archive)) as stored, io.BytesIO() as out:
        Image.open(io.BytesIO(stored.read(f"{row}.png"))).save(out, "PNG", compress_level=0)
        return out.getvalue()


def test_other_bytes_of_the_same_pixels_are_identical(tmp_path) -> None:
    builder = AuditBuilder(tmp_path / "runs", prompts=2)
    builder.reference()
    builder.add("compile")
    cell = builder.records[1]
    batch = cell.batches[0]
    again = {row: _written_otherwise(builder.store.get("images", batch.key), row) for row in batch.rows}
    builder.store.put("images", "f" * 64, _archive(again))
    sums = [hashlib.sha256(png).hexdigest() for png in again.values()]
    assert not set(sums) & set(batch.image_sha256)
    other = batch.model_copy(update={"key": "f" * 64, "image_sha256": sums})
    builder.records[1] = cell.model_copy(update={"batches": [other]})
    look = read_audit(builder.view()).cells[1].looks
    assert look.sameness == "identical" and look.largest == 0


def test_pictures_that_are_gone_are_not_called_identical(tmp_path) -> None:
    builder = AuditBuilder(tmp_path / "runs", prompts=2)
    builder.reference()
    builder.add("compile", off=2, verdict=None)
    batch = builder.records[1].batches[0].model_copy(update={"key": "f" * 64})
    builder.records[1] = builder.records[1].model_copy(update={"batches": [batch]})
    look = read_audit(builder.view()).cells[1].looks
    assert look.sameness == "inconclusive" and "1 of 2 pictures are not stored" in look.reason
    assert look.saturated is None


@pytest.mark.parametrize(("clipped", "clips"), [(0.12, True), (0.005, False)])
def test_more_saturated_pixels_than_the_reference_has(tmp_path, clipped, clips) -> None:
    look = look_of(tmp_path, clipped=clipped)
    assert look.clips == clips and look.saturated == pytest.approx(round(clipped * 64) / 64)


def test_pure_functions_of_pixels() -> None:
    one = np.zeros((4, 4, 3), dtype=np.uint8)
    other = one.copy()
    other[0, 0, 0] = 10
    far = apart(one, other)
    assert far.largest == 10 and far.psnr_db == pytest.approx(10 * math.log10(255**2 / (100 / 48)))
    assert apart(one, one).psnr_db is None and apart(one, one[:2]).comparable is False
    assert amplified(one, other, 64)[0, 0, 0] == 255 and amplified(other, one, 8)[0, 0, 0] == 80
    assert saturated(other) == 1.0 and saturated(np.full((2, 2, 3), 128, np.uint8)) == 0.0
    with io.BytesIO() as png:
        Image.fromarray(other).save(png, "PNG")
        assert (pixels_of(png.getvalue()) == other).all()


def test_latents_drift_step_by_step(tmp_path) -> None:
    builder = AuditBuilder(tmp_path / "runs", prompts=1)
    builder.reference()
    builder.add("compile", drift=0.1)
    found = read_audit(builder.view()).cells[1].divergence
    assert found.steps == pytest.approx([0.01 * step for step in range(1, 11)], rel=1e-4)
    assert relative_distance(np.zeros(3), np.zeros(3)) == 0.0


def test_latents_that_were_not_kept_are_told(tmp_path) -> None:
    builder = AuditBuilder(tmp_path / "runs", prompts=1)
    builder.reference()
    builder.add("compile")
    cell = builder.records[1]
    builder.records[1] = cell.model_copy(update={"timing": cell.timing.model_copy(update={"stages": None})})
    found = read_audit(builder.view()).cells[1].divergence
    assert found.steps == () and "not kept" in found.reason
