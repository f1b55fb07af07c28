"""Every number with its count and interval, or the reason it is missing."""

from harness.report.table import build_table
from harness.report.view import load_view


def test_numbers_carry_interval_and_count(sweep) -> None:
    row = build_table(load_view(*sweep.finish())).rows[2]
    clip, latency, memory = row.numbers["clip_score"], row.numbers["latency"], row.numbers["peak_memory"]
    assert (clip.text, clip.interval_text, clip.count_text) == ("84.40", "83.90 to 84.90", "32 images")
    assert (latency.text, latency.interval_text, latency.count_text) == ("120 ms", "114 to 126 ms", "10 calls")
    assert (memory.text, memory.count_text) == ("120 MiB", "highest of 2 visits")


def test_images_and_prompts_are_told_apart(build) -> None:
    builder = build(prompts=4, seeds=(0, 1))
    builder.cell("DDIM", 10, 84.0)
    assert build_table(load_view(*builder.finish())).rows[0].numbers["clip_score"].count_text == "8 images, 4 prompts"


def test_what_is_missing_has_its_reason_and_is_never_zero(build) -> None:
    builder = build()
    builder.cell("DDIM", 10, 84.0, frechet=None)
    numbers = build_table(load_view(*builder.finish())).rows[0].numbers
    assert (numbers["frechet"].value, numbers["frechet"].reason) == (None, "8 prompts, at least 64 are needed")
    for key in ("latency", "throughput", "peak_memory", "first_call", "load"):
        assert (numbers[key].value, numbers[key].reason) == (None, "the spec turns timing off")


def test_failed_and_pending_cells_are_rows(sweep) -> None:
    sweep.cell("DDPM", 20, versus="DDIM-100-g4", status="pending")
    rows = {row.cell_id: row for row in build_table(load_view(*sweep.finish(status="running"))).rows}
    assert rows["DDPM-10-g4"].problem == "not-a-number: 3 of 8 pictures hold not-a-number values. Use dtype float32."
    assert rows["DDPM-20-g4"].problem == "not made yet"
    assert rows["DDPM-20-g4"].numbers == {}


def test_a_comparison_says_what_would_settle_it(sweep) -> None:
    row = build_table(load_view(*sweep.finish())).rows[3]
    against = row.against["clip_score"]
    assert (against.mark, against.verdict, against.difference) == ("?", "inconclusive", "−0.10")
    assert against.remark == "the interval reaches over the margin; about 60 prompts would settle it"
    assert row.against["latency"].difference == "−84.0 %"


def test_columns_keep_the_specs_names_and_say_what_made_them(sweep) -> None:
    columns = {column.key: column for column in build_table(load_view(*sweep.finish())).columns}
    assert list(columns) == ["clip_score", "frechet", "latency", "throughput", "peak_memory", "first_call", "load"]
    assert columns["clip_score"].hint == "clip_score/mini-scorer-1a2b"
    assert columns["latency"].hint == "median of steady calls, batch 1, warm-up excluded"
