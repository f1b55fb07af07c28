"""Nothing is computed twice: the same again, one thing more, a part of it, other names; afresh only when asked."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from support.fake_worker import noted
from support.runs import CAPTIONS, Lab

from harness.errors import UsageError

SWEEP = {"num_inference_steps": [5, 40], "compare_to": {"num_inference_steps": 40}}
TIMED = {**SWEEP, "timing": {"repeats": 3, "rounds": 2, "warmups": 1}}
STAGES = ("prior", "images", "features", "timing")


def _made(lab: Lab) -> dict[str, int]:
    return {stage: noted(lab.store.root, stage) for stage in STAGES}


def test_the_same_again_is_the_same_run_and_one_setting_more_is_that_setting_only(lab: Lab) -> None:
    lab.spec(**TIMED)
    first = lab.run()
    made = _made(lab)
    assert made == {"prior": 2, "images": 4, "features": 4, "timing": 2 * (2 * 3 + 1)}  # a bracket in each round
    assert first.made == {"prior": 6, "images": 12, "features": 4, "timing": 2} and first.reused == {"prior": 6}

    assert lab.run().run_id == first.run_id and _made(lab) == made
    assert lab.store.run_ids() == [first.run_id]

    lab.spec(**{**TIMED, "num_inference_steps": [5, 20, 40]})
    more = lab.run()
    assert _made(lab) == {"prior": 2, "images": 6, "features": 6, "timing": made["timing"] + 2 * (3 + 1)}
    assert more.reused == {"images": 12, "prior": 6, "features": 4, "timing": 2}
    assert more.made == {"images": 6, "features": 2, "timing": 1}
    assert lab.pictures(more).items() >= lab.pictures(first).items()
    old, new, reference = lab.cells(more).values()
    assert [cell.timing.measured_in for cell in (old, new, reference) if cell.timing] == [
        first.run_id, more.run_id, first.run_id,
    ]  # fmt: skip
    (latency,) = [c for c in new.comparisons if c.metric == "latency"]
    assert latency.verdict == "inconclusive" and "--remeasure" in (latency.reason or "")
    (latency,) = [c for c in old.comparisons if c.metric == "latency"]
    assert latency.difference == pytest.approx(5 / 40 - 1) and "--remeasure" not in (latency.reason or "")


def test_remeasure_times_every_cell_again_and_keeps_the_pictures(lab: Lab) -> None:
    lab.spec(**TIMED)
    first = lab.run()
    made = _made(lab)
    again = lab.run(remeasure=True)
    assert again.run_id != first.run_id
    assert _made(lab) == {**made, "timing": 2 * made["timing"]}
    assert all(cell.timing and cell.timing.measured_in == again.run_id for cell in lab.cells(again).values())
    assert again.made == {"timing": 2} and again.reused["images"] == 12


def test_fresh_makes_everything_again_once_and_the_pictures_are_the_same(lab: Lab) -> None:
    lab.spec(**SWEEP)
    first = lab.run()
    made = _made(lab)
    fresh = lab.run(fresh=True)
    assert fresh.run_id != first.run_id and lab.pictures(fresh) == lab.pictures(first)
    assert _made(lab) == {stage: 2 * count for stage, count in made.items()}
    assert fresh.made == first.made and fresh.reused == first.reused


def test_a_part_of_it_takes_everything_from_the_whole(lab: Lab) -> None:
    lab.spec(**{**TIMED, "num_inference_steps": [5, 20]})
    first = lab.run()
    made = _made(lab)
    part = lab.run(only={"num_inference_steps": ["20"]})
    assert list(lab.cells(part)) == ["20 steps", "40 steps"]  # the reference stays
    named = lab.run(name="another name")
    assert named.name == "another name" and lab.run(name="another name").run_id == named.run_id
    assert _made(lab) == made and not part.made and not named.made
    assert len({first.run_id, part.run_id, named.run_id}) == 3 == len(lab.store.run_ids())
    with pytest.raises(UsageError, match="no cell has it"):
        lab.run(only={"num_inference_steps": ["21"]})


def test_a_limit_makes_the_first_pictures_only(lab: Lab) -> None:
    lab.spec(**SWEEP)
    run = lab.run(limit=4)
    assert lab.told.done["images"] == (8, 8), "pictures, not batches"
    assert [len(pictures) for pictures in lab.pictures(run).values()] == [4, 4]
    whole = lab.run()
    assert noted(lab.store.root, "images") == 4  # the first batch of four was there
    assert [[batch.reused for batch in cell.batches] for cell in lab.cells(whole).values()] == [[True, False]] * 2


def test_two_workers_make_what_one_makes_and_no_prior_twice(lab: Lab) -> None:
    lab.spec(**{**SWEEP, "num_inference_steps": [5, 20, 30, 40]})
    one = lab.run()
    made = _made(lab)
    two = lab.run(devices="0,1", fresh=True)
    assert lab.pictures(two) == lab.pictures(one)
    assert _made(lab) == {stage: 2 * count for stage, count in made.items()}
    assert len(list((lab.store.root / "logs").glob("worker-*.1.log"))) == 1


def _table(lab: Lab, names: list[str], captions: list[str]) -> Path:
    path = lab.folder / "inputs.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("id", "prompt"), *zip(names, captions, strict=True)])
    return path


def test_pictures_serve_rows_of_other_names(lab: Lab) -> None:
    """Pictures are kept by what made them. The same prompts under other ids are the same pictures, by their place."""
    lab.spec(num_inference_steps=20)
    first = lab.run()
    (cell,) = lab.cells(first).values()
    for names in (list("abcdef"), list("fedcba")):
        lab.spec(num_inference_steps=20, prompts=None, inputs=str(_table(lab, names, CAPTIONS)))
        again = lab.run()
        (other,) = lab.cells(again).values()
        assert [row for batch in other.batches for row in batch.rows] == [f"{name}-s0" for name in names]
        assert lab.pictures(again) == lab.pictures(first) and not again.made
        rows = lab.store.image_rows(again.run_id, other.cell_id) or []
        assert [row["image_sha256"] for row in rows] == [sum_ for batch in cell.batches for sum_ in batch.image_sha256]


def test_two_batches_of_the_same_rows_wait_for_nobody(lab: Lab) -> None:
    """The same prompt and seed under two ids, alone in a batch each: one prior, and no station waits for itself."""
    table = _table(lab, ["a", "b", "c"], CAPTIONS[:1] * 3)
    lab.spec(num_inference_steps=20, prompts=None, inputs=str(table), batch_size=1)
    run = lab.run()
    assert run.status == "finished" and noted(lab.store.root, "prior") == 1
    (sums,) = lab.pictures(run).values()
    assert len(sums) == 3 and len(set(sums)) == 1
