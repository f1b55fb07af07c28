"""The row whose pictures are shown follows from its rule alone."""

from harness.report.schedulers.chosen_row import choose_row
from harness.report.schedulers.strips import strips
from harness.report.schedulers.sweep import read_sweep


def with_differences(grid, *cells: list[float], seeds: tuple[int, ...] = (0,)):
    """Cells whose differences from the reference are given prompt by prompt."""
    builder = grid(prompts=5, seeds=seeds)
    ids = [builder.point("DDIM", 8 * (n + 1), 0.0) for n in range(len(cells))]
    reference = builder.reference()
    base = builder.values[reference]
    for cell_id, differences in zip(ids, cells, strict=True):
        each = [d for d in differences for _ in seeds]
        builder.values[cell_id] = [b + d for b, d in zip(base, each, strict=True)]
    return read_sweep(builder.view())


def test_it_is_the_prompt_of_the_median_difference(grid) -> None:
    sweep = with_differences(grid, [3.0, -1.0, 0.0, -5.0, 9.0])
    chosen = choose_row(sweep, sweep.grounds)
    assert chosen.row.id == "p2-s0"
    assert chosen.rule == (
        "the prompt whose difference in CLIP score from the reference, averaged over the 1 compared cell, is the "
        "median of 5 prompts (0.00), with its first seed: row p2-s0"
    )


def test_the_differences_are_averaged_over_the_cells(grid) -> None:
    sweep = with_differences(grid, [0.0, 8.0, 1.0, 2.0, 3.0], [0.0, 0.0, 1.0, 2.0, -9.0])  # means 0, 4, 1, 2, -3
    assert choose_row(sweep, sweep.grounds).row.id == "p2-s0"


def test_the_first_seed_of_several(grid) -> None:
    sweep = with_differences(grid, [3.0, -1.0, 0.0, -5.0, 9.0], seeds=(7, 3))
    assert choose_row(sweep, sweep.grounds).row.id == "p2-s7"


def test_before_any_comparison_it_is_the_first_prompt_and_says_so(grid) -> None:
    builder = grid()
    builder.point("DDIM", 8, -0.1)
    builder.reference(status="pending")
    sweep = read_sweep(builder.view(status="interrupted"))
    chosen = choose_row(sweep, sweep.grounds)
    assert chosen.row.id == "p0-s0" and "the first prompt of the plan" in chosen.rule


def test_all_strips_of_a_model_show_one_row_at_every_count(grid) -> None:
    builder = grid()
    for guidance in (2, 4):
        builder.point("DDIM", 8, -0.1, guidance=guidance)
        builder.point("DDPM", 16, -0.1, guidance=guidance)
        builder.reference(guidance=guidance)
    found = strips(read_sweep(builder.view()))
    assert [strip.title for strip in found] == ["guidance 2", "guidance 4"]
    assert len({strip.row.id for strip in found}) == 1 and found[0].steps == (8, 16, 50)
    shown = {name: [point.steps if point else None for point in points] for name, points in found[0].lines}
    assert shown == {"DDIM": [8, None, 50], "DDPM": [None, 16, None]}
    assert found[0].row.id in found[0].note and "seed 0" in found[0].note


def test_only_the_cells_that_were_averaged_are_counted(grid) -> None:
    builder = grid(prompts=5)
    builder.point("DDIM", 8, -0.1)
    lost = builder.point("DDIM", 16, -0.1)
    alone = builder.point("DDIM", 25, -0.1)
    builder.reference()
    builder.values[lost] = [None] * 5
    at = next(n for n, record in enumerate(builder.records) if record.cell_id == alone)
    builder.records[at] = builder.records[at].model_copy(update={"reference": None})
    sweep = read_sweep(builder.view())
    assert len(sweep.grounds[0].compared) == 3
    assert "averaged over the 1 compared cell," in choose_row(sweep, sweep.grounds).rule
