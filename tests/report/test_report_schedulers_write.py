"""The folder of the comparison: its files, their sizes, what they say, and that nothing in them is live markup."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest
from PIL import Image, ImageColor
from support.sweeps import usual

from harness.cli import run
from harness.errors import ExitCode, UsageError
from harness.report.charts import SERIES_COLOURS
from harness.report.images import chart_bytes
from harness.report.schedulers.assemble import summary_names
from harness.report.write import write_report

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>|`*{{7*7}}"


def written(builder, folder, *, status="finished", **kwargs):
    return write_report(*builder.finish(status=status), folder, kind="schedulers", **kwargs)


def test_a_folder_with_everything(grid, tmp_path) -> None:
    files = written(usual(grid()), tmp_path / "report", png=tmp_path / "chat" / "one.png")
    assert {path.name for path in files.folder.iterdir()} == {
        "report.html", "report.md", "table.csv", "results.json", "summary.png", "pictures.png", "difference.png",
        "quality-cost.png",
    }  # fmt: skip
    with Image.open(files.summary) as picture:
        assert picture.size == (1600, 900)
    assert files.png == (tmp_path / "chat" / "one.png",) and files.png[0].read_bytes() == files.summary.read_bytes()
    assert files.chart.name == "quality-cost.png"


def test_a_compact_folder_can_be_committed(grid, tmp_path) -> None:
    builder = usual(usual(grid(), guidance=2), guidance=4)
    files = written(builder, tmp_path / "report", compact=True)
    assert files.html is None and sum(path.stat().st_size for path in files.folder.iterdir()) < 1_000_000


def test_the_same_records_give_the_same_bytes(grid, tmp_path) -> None:
    builder = usual(grid())
    one, two = (written(builder, tmp_path / name).folder for name in ("one", "two"))
    for name in ("report.md", "table.csv", "results.json"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_each_model_has_a_picture_of_its_own(grid, tmp_path) -> None:
    builder = usual(usual(grid(), model="mini-2.2"), model="mini-3")
    files = written(builder, tmp_path / "report", png=tmp_path / "one.png")
    assert [path.name for path in files.png] == ["one.png", "one-mini-3.png"]
    assert (files.folder / "summary-mini-3.png").is_file()
    text = files.markdown.read_text()
    assert "](summary.png)" in text and "](summary-mini-3.png)" in text
    assert "**mini-2.2: DPMSolver" in text and "**mini-3: DPMSolver" in text


def test_tables_of_the_markdown_are_whole(grid, tmp_path) -> None:
    text = written(usual(grid()), tmp_path / "report", compact=True).markdown.read_text()
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("| ")]
    assert [len(lines) for lines in tables] == [2 + 3, 2 + 10]
    for lines in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1
    assert "| **guidance 4** | **DPMSolverMultistep** | **8 steps**<br>regressed: 4 steps | **8**<br>" in text


def test_data_says_what_the_page_says(grid, tmp_path) -> None:
    files = written(usual(grid()), tmp_path / "report", compact=True)
    rows = {row["cell"]: row for row in csv.DictReader(io.StringIO(files.csv.read_text()))}
    row = rows["mini-2.2-DPMSolverMultistep-8-g4"]
    assert (row["model_calls"], row["standing"], row["fewest_steps"], row["cheapest"]) == ("8", "holds", "True", "True")
    assert float(row["clip_score_difference"]) == pytest.approx(0.05) and row["clip_score_verdict"] == "equivalent"
    assert rows["mini-2.2-DDIM-50-g4"]["clip_score_difference"] == ""
    data = json.loads(files.json.read_text())
    assert data["recommendations"][0]["settings"][0]["chosen"] == "mini-2.2-DPMSolverMultistep-8-g4"
    assert [need["fewest_steps"] for need in data["needs"]] == [16, 8, None]
    missing = next(cell for cell in data["cells"] if cell["cell"] == "mini-2.2-DDIM-50-g4")
    assert missing["clip_score_difference"] is None and missing["clip_score"] == pytest.approx(85.9062)


def test_distances_have_a_table_with_their_reasons(grid, tmp_path) -> None:
    builder = grid()
    why = "stochastic: every number of steps draws other noise, so that a seed has no converged picture"
    builder.point("DDIM", 8, -0.1, distance=4.0)
    builder.point("DDPM", 8, -0.1, distance=why)
    builder.reference()
    builder.point("DDIM", 250, None, is_solution=True)
    files = written(builder, tmp_path / "report")
    text = files.markdown.read_text()
    assert "at 250 steps, for 4 rows" in text and "](converged-distance.png)" in text
    assert "| DDIM | 4.00<br>3.60 to 4.40, 4 pictures |" in text and f"| DDPM | —<br>{why} |" in text
    assert why in files.html.read_text() and "250 steps</td>" not in files.html.read_text()
    cells = {cell["cell"]: cell for cell in json.loads(files.json.read_text())["cells"]}
    assert cells["mini-2.2-DDPM-8-g4"]["converged_distance"] is None
    assert cells["mini-2.2-DDPM-8-g4"]["converged_distance_reason"] == why


@pytest.mark.parametrize("pending", [True, False])
def test_an_unfinished_run_has_a_report_that_says_so(grid, tmp_path, pending) -> None:
    builder = grid()
    builder.point("DDIM", 8, -0.1, status="pending" if pending else "done")
    builder.point("DDPM", 8, -0.1, status="pending")
    builder.reference(status="pending" if pending else "done")
    builder.unjudged()
    files = written(builder, tmp_path / "report", status="running")
    done = 0 if pending else 2
    for text in (files.markdown.read_text(), files.html.read_text()):
        assert f"This run is unfinished: {done} of 3 cells are done so far." in text
    assert (files.pictures is None) == pending and files.summary.is_file()


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]


def test_hostile_names_stay_text_and_nothing_is_asked_for(grid, tmp_path) -> None:
    builder = usual(grid(text=HOSTILE))
    builder.point("UniPC", 8, 0.0, status="failed")
    files = written(builder, tmp_path / "report", status="failed-cells")
    page = _Page()
    page.feed(files.html.read_text())
    assert page.tags.count("script") == 2 and not [a for a in page.attributes if a[1].startswith("on")]
    assert {value[:5] for tag, name, value in page.attributes if (tag, name) == ("img", "src")} == {"data:"}
    asked = [a for a in page.attributes if a[0] != "a" and a[1] in ("src", "href", "srcset", "action")]
    assert all(value.startswith(("data:", "#")) for _, _, value in asked)
    outside_code = re.sub(r"^(`{3,}).*?^\1$", "", files.markdown.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert "<script" not in outside_code.replace("\\<script", "") and "<img" not in outside_code.replace("\\<img", "")
    assert "{{7*7}}" in files.html.read_text()
    assert not [c for row in csv.reader(io.StringIO(files.csv.read_text())) for c in row if c[:1] in "=+@" and c]


def test_an_unknown_kind_is_refused(grid, tmp_path) -> None:
    store, run_id = usual(grid()).finish()
    with pytest.raises(UsageError, match="no report of the kind 'scheduler'") as caught:
        write_report(store, run_id, tmp_path / "report", kind="scheduler")
    assert "general, schedulers" in caught.value.expected and not (tmp_path / "report").exists()


def test_the_verb_writes_it_beside_the_general_report(grid, capsys) -> None:
    store, run_id = usual(grid()).finish()
    where = ["report", run_id, "--store", str(store.root)]
    assert run([*where, "--kind", "schedulers", "--compact"]) == ExitCode.DONE
    assert str(store.root / "reports" / run_id / "schedulers" / "report.md") in capsys.readouterr().out
    assert run([*where, "--kind", "scheduler"]) == ExitCode.USAGE
    assert "general" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("models", "names"),
    [
        (("mini-2.2", "mini+2", "mini@2"), ["summary-mini-2.png", "summary-mini-2-2.png"]),
        (
            ("mini-2.2", "mini+2", "mini@2", "mini-2-2"),
            ["summary-mini-2.png", "summary-mini-2-2.png", "summary-mini-2-2-2.png"],
        ),
        (("mini-2.2", "mini", "Mini"), ["summary-mini.png", "summary-Mini-2.png"]),
        (("mini-2.2", "мини", "кот"), ["summary-1.png", "summary-2.png"]),
    ],
)
def test_no_models_picture_is_written_over_anothers(models, names) -> None:
    assert list(summary_names(models).values()) == ["summary.png", *names]


def test_models_that_differ_in_punctuation_have_both_pictures(grid, tmp_path) -> None:
    builder = grid()
    for model in ("mini-2.2", "mini+2", "mini@2"):
        builder.point("DDIM", 8, -0.1, model=model)
        builder.reference(model=model)
    files = written(builder, tmp_path / "report", compact=True)
    pictures = [path.read_bytes() for path in sorted(files.folder.glob("summary*.png"))]
    assert len(pictures) == len(set(pictures)) == 3


def test_the_recommendation_says_why_an_interval_may_pass_the_margin(grid, tmp_path) -> None:
    files = written(usual(grid()), tmp_path / "report")
    for text in (files.markdown.read_text(), files.html.read_text()):
        verdict, sentence = text.index("A verdict rests on"), text.index("Use DPMSolverMultistep")
        assert sentence < verdict < text.index("What each scheduler needs")
        assert "so that the 95 % interval of a setting that is equivalent may reach past the margin" in text


def test_where_nothing_is_judged_nothing_is_said_of_tests(grid, tmp_path) -> None:
    builder = usual(grid())
    builder.unjudged()
    files = written(builder, tmp_path / "report", status="interrupted", compact=True)
    assert "A verdict rests on" not in files.markdown.read_text()


def test_a_charts_palette_keeps_the_colour_of_every_line() -> None:
    picture = Image.effect_noise((400, 400), 80).convert("RGB")  # greys in plenty, and a few pixels of each colour
    for number, colour in enumerate(SERIES_COLOURS):
        picture.paste(colour, (40 * number, 0, 40 * number + 5, 5))
    with Image.open(io.BytesIO(chart_bytes(picture))) as kept:
        shown = kept.convert("RGB")
    for number, colour in enumerate(SERIES_COLOURS):
        assert shown.getpixel((40 * number + 2, 2)) == pytest.approx(ImageColor.getrgb(colour), abs=12)
