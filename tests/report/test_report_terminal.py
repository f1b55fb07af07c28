"""What a terminal shows."""

from support.audit_runs import AuditBuilder, usual

from harness.report.table import build_table
from harness.report.terminal import render_cell, render_cut, render_table
from harness.report.view import load_view


def test_the_table_and_the_answer(sweep) -> None:
    text = render_table(load_view(*sweep.finish(status="failed-cells")), width=170)
    assert "clip_score" in text and "84.40 (83.90 to 84.90)" in text
    assert "≈ equivalent" in text and "▼ regressed" in text
    assert "UniPC · 10 steps matches DDIM · 100 steps" in text
    assert "DDPM · 10 steps: not-a-number: 3 of 8 pictures hold not-a-number values. Use dtype float32." in text
    assert "\x1b" not in text


def test_the_table_says_whether_an_optimization_was_on(tmp_path) -> None:
    view = usual(AuditBuilder(tmp_path / "runs", prompts=2)).view()
    table, text = build_table(view), render_table(view, width=200)
    assert table.asks and "was it on" in text
    on = {row.label.split(" · ")[-1]: row.was_on for row in table.rows}
    assert (on["none"], on["again"], on["sdpa"], on["compile"]) == ("—", "—", "∅ no-op", "✓ applied")
    assert on["plain-attention"] == "—"  # it failed: nothing was there to look at
    lines = {line.split("  ")[0].split(" · ")[-1]: line for line in text.splitlines() if line.startswith("mini-2.2 ·")}
    assert "∅ no-op" in lines["sdpa"] and "✓ applied" in lines["compile"]
    (sdpa,) = (cell for cell in view.cells if cell.label.endswith("sdpa"))
    assert "  sdpa: no-op (unet: the processors were these already)" in render_cell(view, sdpa, width=200)


def test_a_run_that_asked_for_no_optimization_has_no_such_column(sweep) -> None:
    view = load_view(*sweep.finish())
    assert not build_table(view).asks and "was it on" not in render_table(view, width=200)


def test_colour_is_asked_for(sweep) -> None:
    assert "\x1b[" in render_table(load_view(*sweep.finish()), width=170, colour=True)


def test_markup_in_a_name_is_text(build) -> None:
    builder = build(text="[red]x[/red][/]")
    builder.cell("DDIM", 10, 84.0)
    assert "[red]x[/red][/]" in render_table(load_view(*builder.finish()), width=200)


def test_one_cell_in_full(sweep) -> None:
    view = load_view(*sweep.finish())
    text = render_cell(view, view.cell("DDIM-20-g4"), width=160)
    assert "DDIM · 20 steps" in text and "clip_score/mini-scorer-1a2b" in text
    assert "equivalent    CLIP score −0.10 (90 % interval −0.25 to +0.05, margin 0.3)" in text
    assert "32 pictures made in run 20261101-090000-older-aaaa, 2026-11-23" in text
    assert "latency 200 ms an image (190 to 210 ms), 10 calls of batch 1" in text


def test_a_failed_cell_says_why(sweep) -> None:
    view = load_view(*sweep.finish())
    text = render_cell(view, view.failed[0], width=160)
    assert "failed, not-a-number: 3 of 8 pictures hold not-a-number values" in text
    assert "what to do: Use dtype float32." in text


def test_what_was_cut_is_told_with_its_words(sweep) -> None:
    first, second, *_ = load_view(*sweep.finish()).records
    cells = [
        cell.model_copy(update={"truncated": {"p000-s0": {"text_encoder": "of a ship"}}}) for cell in (first, second)
    ]
    assert render_cut(cells) == "The prompt of 1 row was cut:\n  cut by text_encoder from p000-s0: of a ship"
    assert render_cut([first.model_copy(update={"truncated": {}})]) == ""
    many = {f"p{i}": {"text_encoder": f"word {i}"} for i in range(8)}
    told = render_cut([first.model_copy(update={"truncated": many})]).splitlines()
    assert (
        told[0] == "The prompts of 8 rows were cut:"
        and told[-1] == "  and 3 more: the report has them"
        and len(told) == 7
    )


def test_a_dash_has_its_reason_below_the_table(build) -> None:
    builder = build(compare=False)
    builder.cell("DDIM", 10, 84.0, frechet=None)
    builder.cell("UniPC", 10, 84.0, frechet=None, latency=0.2)
    lines = render_table(load_view(*builder.finish()), width=170).splitlines()
    assert "— frechet: 8 prompts, at least 64 are needed" in lines, "once for all cells"
    assert "— latency and peak_memory of DDIM · 10 steps: the spec turns timing off" in lines


def test_a_table_without_a_dash_has_no_reason_below_it(sweep) -> None:
    lines = render_table(load_view(*sweep.finish()), width=170).splitlines()
    assert not [line for line in lines if line.startswith("—")]
