"""The audit's folder: its files, their sizes, what they say, and that nothing in them is live markup."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from support.audit_runs import OUT_OF_MEMORY, AuditBuilder, usual

from harness.cli import run
from harness.errors import ExitCode
from harness.report.optimizations.audit import read_audit
from harness.report.optimizations.bars import groups_of, ticks
from harness.report.optimizations.beside import beside
from harness.report.optimizations.content import gather
from harness.report.optimizations.lines import cost_table
from harness.report.optimizations.summary import draw_summary, footer, scales_of
from harness.report.optimizations.table import records
from harness.report.write import write_report

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>|`*{{7*7}}"


def new(tmp_path, **kwargs):
    return AuditBuilder(tmp_path / "runs", **{"prompts": 4, **kwargs})


def written(builder, folder, *, status="failed-cells", **kwargs):
    return write_report(*builder.finish(status=status), folder, kind="optimizations", **kwargs)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]


def test_a_folder_with_everything_and_hostile_names_stay_text(tmp_path) -> None:
    files = written(usual(new(tmp_path, text=HOSTILE)), tmp_path / "report", png=tmp_path / "one.png")
    assert {path.name for path in files.folder.iterdir()} == {
        "report.html", "report.md", "table.csv", "results.json", "summary.png", "pictures.png", "latents.png",
    }  # fmt: skip
    with Image.open(files.png[0]) as picture:
        assert picture.size == (1600, 900)
    page = _Page()
    page.feed(files.html.read_text())
    assert page.tags.count("script") == 2 and not [a for a in page.attributes if a[1].startswith("on")]
    assert {value[:5] for tag, name, value in page.attributes if (tag, name) == ("img", "src")} == {"data:"}
    outside_code = re.sub(r"^(`{3,}).*?^\1$", "", files.markdown.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert "<script" not in outside_code.replace("\\<script", "") and "<img" not in outside_code.replace("\\<img", "")
    assert "{{7*7}}" in files.html.read_text()
    for part in ("Was it on", "Not available here", "Refused combinations", "What each step adds", "Evidence",
                 "Where the time goes"):  # fmt: skip
        assert part in files.html.read_text() and part in files.markdown.read_text()


def test_a_compact_folder_can_be_committed_and_its_tables_are_whole(tmp_path) -> None:
    files = written(usual(new(tmp_path)), tmp_path / "report", compact=True)
    assert files.html is None and sum(path.stat().st_size for path in files.folder.iterdir()) < 1_000_000
    text = files.markdown.read_text()
    assert text.startswith("# ")
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("| ")]
    assert [len(lines) for lines in tables] == [2 + 9, 2 + 2, 2 + 7, 2 + 7, 2 + 8]
    for lines in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1


def test_data_says_what_the_page_says(tmp_path) -> None:
    builder = usual(new(tmp_path))
    builder.add("group-offload", energy_j=12.5, disturbances=("another process took 40 % of the processor",))
    files = written(builder, tmp_path / "report", compact=True)
    rows = {row["optimizations"]: row for row in csv.DictReader(io.StringIO(files.csv.read_text()))}
    assert rows["compile"]["outcome"] == "applied" and rows["sdpa"]["outcome"] == "no-op"
    assert float(rows["compile"]["speed_up"]) == pytest.approx(1.31990, abs=1e-4)
    assert rows["compile"]["pays_after_images"] == "209" and rows["sdpa"]["pays_after_images"] == ""
    assert rows["plain-attention"]["problem"].startswith("The device ran out of memory")
    assert rows["group-offload"]["energy_j"] == "12.5" and "another process" in files.markdown.read_text()
    data = json.loads(files.json.read_text())
    cells = {cell["optimizations"]: cell for cell in data["cells"]}
    assert cells["plain-attention"]["speed_up"] is None and cells["none"]["pictures"] is None
    assert cells["again"]["pictures"] == "identical" and cells["again"]["psnr_db"] is None
    assert cells["again"]["speed_up_low_95"] < 1 < cells["again"]["speed_up_high_95"]
    assert data["unavailable"][0]["stack"] == "xformers" and data["refused"][0]["stack"] == "sdpa+plain-attention"
    assert [rung["added"] for rung in data["ladder"]] == ["channels-last", "compile"]
    assert len(data["latents"][cells["compile"]["cell"]]) == 10


def test_unavailable_and_refused_are_told_apart(tmp_path) -> None:
    content = gather(usual(new(tmp_path)).view(), public=True)
    assert [name for name, _ in content.unavailable] == ["xformers"]
    assert [name for name, _ in content.refused] == ["sdpa+plain-attention"]
    assert "Refused combinations" not in {section.title for section in content.sections}


def test_pictures_are_the_first_row_and_the_farthest_at_one_factor(tmp_path) -> None:
    builder = new(tmp_path)
    builder.reference()
    for stack, off in (("channels-last", 1), ("compile", 3), ("attention-slicing", 30)):
        builder.add(stack, off=off)
    builder.add("sdpa")
    found = beside(read_audit(builder.view()))
    assert [shown.title for shown in found.shown] == ["channels-last", "compile", "attention-slicing"]
    assert found.factor == 32 and all(head.endswith("× 32") for head in found.heads[2::3])
    assert "32× everywhere" in found.rule
    assert all(png is not None for shown in found.shown for png in shown.first.tiles)


def test_where_nothing_differs_no_pictures_are_shown(tmp_path) -> None:
    builder = new(tmp_path)
    builder.reference()
    builder.add("sdpa", outcome="no-op")
    files = written(builder, tmp_path / "report", status="finished", compact=True)
    assert files.pictures is None and "pictures.png" not in files.markdown.read_text()


@pytest.mark.parametrize(
    ("visits", "said"),
    [(1, "Timed in one visit"), (2, "Timed in two visits"), (0, "Nothing was timed (the spec turns")],
)
def test_what_stands_in_the_way_of_intervals_is_told(tmp_path, visits, said) -> None:
    builder = new(tmp_path)
    ratios = (1.0,) * visits or None
    builder.reference(ratios=ratios)
    builder.add("compile", ratios=ratios)
    assert any(said in line for line in gather(builder.view(), public=True).caveats)


def test_the_footer_has_what_is_needed_to_repeat_it(tmp_path) -> None:
    view = usual(new(tmp_path)).view(changes={"command": "harness run a.yaml --store /home/someone/runs"})
    audit = read_audit(view)
    assert footer(audit, groups_of(audit.families, 5)) == [
        "mini-2.2, decoder weights abcd1234 · cpu · float32",
        "torch 2.14.1 · n = 4 prompts, 4 pictures a cell, 9 timed calls in 3 visits · "
        "20261124-101500-which-scheduler-3fa9",
        "harness run a.yaml · 4 cells more in the report's table",
    ]


def test_the_picture_holds_together_for_many_cells_and_odd_ones(tmp_path) -> None:
    builder = new(tmp_path, prompts=1)
    for model in ("mini-2.2", "kandinsky-2.2-decoder-of-a-very-long-name"):
        builder.reference(model=model, ratios=(0.01,) * 3 if model != "mini-2.2" else (1.0,) * 3)
        for number in range(16):
            builder.add("compile", options={"mode": f"mode-{number}"}, model=model, ratios=(1.1, 1.11, 1.12))
        builder.add("sdpa", status="pending", model=model)
    content = gather(builder.view(status="running"), public=True)
    assert draw_summary(content).size == (1600, 900)
    one, other = groups_of(content.audit.families, 20)
    assert len(one.cells) + len(other.cells) == 20
    assert scales_of((one, other)) == [one.longest, other.longest] and other.longest > 4 * one.longest


def _red_line(builder) -> int:
    """The longest level line of the summary in the colour of a failure, in pixels: no letter has a long one."""
    picture = np.asarray(draw_summary(gather(builder.view(), public=True)).convert("RGB"))
    red = picture[..., 0].astype(int) - picture[..., 2] > 100  # a thin line is mixed with the paper
    return max(len(run) for row in red for run in "".join(map(str, row.astype(int))).split("0"))


def test_out_of_memory_while_it_was_timed_is_a_hatched_bar_with_the_need_and_a_row(tmp_path) -> None:
    """As one in the quality pass; the pictures are there, and their columns stay."""
    failure = OUT_OF_MEMORY.model_copy(update={"peak_bytes": 14 * 2**30})
    lines = []
    for kind in ("out-of-memory", "error"):
        builder = AuditBuilder(tmp_path / kind, prompts=2)
        builder.reference()
        builder.add("compile", timing_failure=failure.model_copy(update={"kind": kind}))
        lines.append(_red_line(builder))
    assert lines[0] > 100 and 0 < lines[1] < 20
    builder = AuditBuilder(tmp_path / "table", prompts=2)
    builder.reference()
    builder.add("compile", timing_failure=failure)
    content = gather(builder.view(), public=True)
    line = cost_table(content.audit, content.audit.families[0]).lines[1]
    assert line[2].text == "out of memory" and line[2].small[0].startswith("at 14336 MiB: The device ran out")
    assert "while it was timed" in line[2].small and line[7].text == "identical"
    assert [fault for _, fault in content.flagged if "timing failed" in fault]
    assert [one["timing_failure"] for one in records(content.audit)] == [None, "out-of-memory"]


def test_what_could_not_be_read_while_timing_is_told_once(tmp_path) -> None:
    builder = new(tmp_path)
    why = {"throttled": "this driver does not tell", "governor": "the system shows none"}
    builder.reference(missing=why)
    builder.add("compile", missing=why)
    content = gather(builder.view(), public=True)
    told = [line for line in content.caveats if line.startswith("Not known of the timing pass")]
    assert told == ["Not known of the timing pass: whether the device was throttled: this driver does not tell; "
                    "the governor of the processor's clock: the system shows none."]  # fmt: skip
    assert records(content.audit)[1]["not_read"].startswith("whether the device was throttled")


@pytest.mark.parametrize("scale", [0.0037, 0.9, 1.1, 250.0])
def test_ticks_are_round_and_few(scale) -> None:
    found = ticks(scale)
    assert found[0] == 0 and 2 <= len(found) <= 5 and found[-1] <= scale * 1.0001


def test_the_verb_writes_it_beside_the_general_report(tmp_path, capsys) -> None:
    builder = new(tmp_path)
    builder.reference()
    builder.add("compile")
    store, run_id = builder.finish()
    assert run(["report", run_id, "--store", str(store.root), "--kind", "optimizations", "--compact"]) == ExitCode.DONE
    assert str(store.root / "reports" / run_id / "optimizations" / "report.md") in capsys.readouterr().out
