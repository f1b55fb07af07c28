"""Single sentences and numbers with their units."""

import pytest

from harness.report import sentences
from harness.report.answer import answer
from harness.report.view import load_view
from harness.store.records import Comparison, Interval, Score


def score(value: float | None, unit: str = "points", interval: Interval | None = None) -> Score:
    reason = None if value is not None else "too few"
    known = {"value": value, "unit": unit, "interval": interval, "reason": reason}
    metric = "world_truth" if unit == "share" else "m"
    return Score(metric=metric, name=f"{metric}/x", direction="higher", n=8, n_prompts=8, **known)


def compared(metric: str, difference: float | None, margin: float, half: float | None = None) -> Comparison:
    bounds = None
    if half is not None:
        bounds = Interval(low=difference - half, high=difference + half, level=0.9, method="m")
    return Comparison(metric=metric, reference="r", difference=difference, interval=bounds, margin=margin,
                      verdict="inconclusive", n=8)  # fmt: skip


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (score(84.5), "84.50 (8 prompts, no interval)"),
        (score(None), "none (too few)"),
        (score(0.9375, "share"), "93.8 % (8 prompts, no interval)"),
        (score(0.9375, "share", Interval(low=0.9, high=0.97, level=0.95, method="m")),
         "93.8 % (95 % interval 90.0 % to 97.0 %, 8 prompts)"),
    ],
)  # fmt: skip
def test_scores(given: Score, text: str) -> None:
    assert sentences.score_text(given) == text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (compared("clip_score", -0.123456, 0.3), "CLIP score −0.12 (margin 0.3)"),
        (compared("clip_score", None, 0.3), "CLIP score not known (margin 0.3)"),
        (compared("latency", -0.5, 0.03, 0.01), "latency −50.0 % (90 % interval −51.0 to −49.0 %, margin 3 %)"),
        (compared("outside_error", -0.25, 0.5, 0.1),
         "error outside the mask −0.25 levels (90 % interval −0.35 to −0.15 levels, margin 0.5 levels)"),
        (compared("depth_error", 0.0123, 0.02, 0.01),
         "depth error +0.012 (90 % interval +0.002 to +0.022, margin 0.02)"),
        (compared("world_truth", 0.03, 0.05, 0.04),
         "share of right pictures +3.0 %-points (90 % interval −1.0 to +7.0 %-points, margin 5 %-points)"),
    ],
)  # fmt: skip
def test_findings_carry_their_unit(given: Comparison, text: str) -> None:
    assert sentences.finding(given) == text


def test_equal_quality_but_faster(build) -> None:
    builder = build(prompts=32)
    builder.cell("UniPC", 100, 84.5, versus="DDIM-100-g4", latency=0.5)
    builder.cell("DDIM", 100, 84.5, latency=1.0)
    assert answer(load_view(*builder.finish())).headline == (
        "UniPC · 100 steps matches DDIM · 100 steps within the margin. "
        "It is 2× as fast: 500 ms an image against 1.00 s."
    )


@pytest.mark.parametrize(
    ("prompts", "line"),
    [
        (4, "4 prompts: too few for any verdict (6 are needed)."),
        (20, "20 prompts: enough to call a regression; equivalence is hard to show below 32."),
    ],
)
def test_what_the_number_of_prompts_allows(build, prompts: int, line: str) -> None:
    builder = build(prompts=prompts)
    builder.cell("DDIM", 10, 84.5, versus="DDIM-100-g4", verdict="inconclusive")
    builder.cell("DDIM", 100, 84.5)
    assert line in answer(load_view(*builder.finish())).details


def test_pictures_without_scores(build) -> None:
    builder = build(compare=False)
    builder.cell("DDIM", 10, 84.5)
    builder.records[-1] = builder.records[-1].model_copy(update={"scores": []})
    headline = answer(load_view(*builder.finish())).headline
    assert headline == "The pictures are made; no score was asked for or could be given."
