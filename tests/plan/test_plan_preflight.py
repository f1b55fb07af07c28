"""The pre-flight's text: verdicts first, how rows are made, ways with their costs once, and what is not known."""

from __future__ import annotations

from typing import Any

from support.footprints import GIB, look, make_case, make_footprint, stack_of

from harness.catalog.types import OptimizationChoice
from harness.plan.fits import fit
from harness.plan.footprint import Answer, Case
from harness.plan.preflight import Group, Preflight, render_preflight

Stack = tuple[OptimizationChoice, ...]


def group(memory_gib: float, stack: Stack = (), **changes: Any) -> Group:
    """One row, held against a memory."""
    case = make_case(**changes)
    found = fit(case, stack, round(memory_gib * GIB), _rows_of_tasks, gpu=True)
    return Group(model="kandinsky-2.2", case=case, stack=stack, image_flops={"cell": 10**12}, fit=found)


def _rows_of_tasks(case: Case) -> Answer:
    """As it is really done: inpainting's decoder and interpolation's prior take one row at a time."""
    singly = {"inpainting": "decoder", "interpolation": "prior"}.get(case.task)
    made = make_footprint(case)
    stages = (s.model_copy(update={"rows": 1}) if s.part == singly else s for s in made.stages)
    return Answer(footprint=made.model_copy(update={"stages": tuple(stages)}))


def shown(memory_gib: float, *groups: Group, device: str | None = None) -> list[str]:
    """The lines of the text."""
    found = Preflight(memory_bytes=round(memory_gib * GIB), device=device, groups=groups)
    return render_preflight(found).splitlines()


def test_the_verdicts_are_counted_and_come_first() -> None:
    rows = [group(12, dtype="float32"), group(12), group(12, batch=2), group(12, stack_of("model-offload"))]
    lines = shown(12, *rows, device="a-gpu")
    assert lines[0] == "what it takes, held against 12.0 GiB of a-gpu: 1 fits, 1 close, 2 too large"
    assert lines[1].split()[:3] == ["verdict", "peak", "GiB"]
    assert [line[2:11].strip() for line in lines[2:6]] == ["too large", "close", "too large", "fits"]
    assert lines[3].split()[1] == "12"


def test_a_row_says_how_many_are_made_together() -> None:
    tasks = ("text-to-image", "inpainting", "interpolation")
    lines = shown(80, *(group(80, batch=4, task=task) for task in tasks), group(80, api="combined"))
    assert " · float16 · batch 4  " in lines[2]
    assert " · batch 4 (decoder one at a time)  " in lines[3] and " · batch 4 (prior one at a time)  " in lines[4]
    assert " · float16 · one at a time · combined  " in lines[5]


def test_each_change_has_its_cost_once_and_the_lossy_way_is_told_apart() -> None:
    lines = shown(14, *(group(14, dtype="float32", batch=batch) for batch in (2, 4)), group(14, batch=4))
    at = lines.index("what makes it fit, the cheapest that does")
    lossy = "    or, if pictures may change: batch_size: 1 + dtype: float16: 12 GiB"
    assert lines[at + 2 : at + 4] == lines[at + 5 : at + 7] == ["    model-offload: 12 GiB", lossy]
    assert lines[at + 8] == "    batch_size: 1: 12 GiB"
    costs = [line.split(" costs: ")[0].strip() for line in lines if " costs: " in line]
    assert costs == ["model-offload", "a smaller batch_size", "dtype: float16"]


def test_what_is_not_known_is_told_once_with_its_reason() -> None:
    case = make_case()
    lost = fit(case, (), GIB, lambda _: Answer(reason="its configuration is not here"), gpu=True)
    groups = [Group(model=name, case=case, stack=(), image_flops={"c": None}, fit=lost) for name in ("one", "other")]
    lines = shown(1, *groups)
    assert lines[0].endswith(": 2 unknown") and lines[2].split()[:2] == ["unknown", "unknown"]
    at = lines.index("  unknown: its configuration is not here")
    assert [line.split(" · ")[0].strip() for line in lines[at + 1 : at + 3]] == ["one", "other"]


def test_what_nothing_makes_fit_says_so() -> None:
    assert "    nothing that is known here: no change in the table makes it surely fit" in shown(1, group(1))


def test_what_only_comes_close_is_named_with_its_cost() -> None:
    least = next(gib / 100 for gib in range(1, 1200) if group(gib / 100).fit.way is not None)
    lines = shown(0.95 * least, group(0.95 * least))
    at = next(number for number, line in enumerate(lines) if "nothing that is known here" in line)
    assert lines[at + 1].startswith("    close, within the estimate's error: ")
    assert any(" costs: " in line for line in lines[at + 2 :])


def test_powers_of_ten_are_said_to_be_less_than_a_card_of_that_name_has() -> None:
    found = Preflight(memory_bytes=24 * 10**9, device=None, groups=(group(24),))
    text = render_preflight(found)
    assert "held against 22.4 GiB" in text and "`--memory 24GiB`" in text
    card = Preflight(memory_bytes=24 * GIB, device=None, groups=(group(24),))
    assert "is sold" not in render_preflight(card)
    small = Preflight(memory_bytes=50 << 20, device=None, groups=(group(24),))
    assert "held against 50 MiB" in render_preflight(small)


def test_the_numbers_stand_under_their_heads() -> None:
    assert look(make_case()).footprint is not None
    lines = shown(80, group(80, batch=2))
    heads, row = (line.split("  ") for line in lines[1:3])
    named = dict(zip(filter(None, map(str.strip, heads)), filter(None, map(str.strip, row)), strict=True))
    assert named["peak GiB"] == "13" and named["weights GiB"] == "11" and named["decode GiB"] == "13"
    assert named["step GiB"] == "11.5" and named["prior GiB"] == "11" and named["TFLOP an image"] == "1"
