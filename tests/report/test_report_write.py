"""The report's folder: what lies in it, how large it is, that it is stable, and that nothing in it is live markup."""

import json
import re
from html.parser import HTMLParser

import pytest
from support.records import make_run

from harness.errors import StoreError
from harness.report.write import write_report
from harness.store.store import open_store

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>|`*{{7*7}}"


def texts(folder) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in ("report.md", "table.csv", "results.json")}


def test_a_folder_with_everything(sweep, tmp_path) -> None:
    files = write_report(*sweep.finish(status="failed-cells"), tmp_path / "report", png=tmp_path / "chat" / "one.png")
    names = {path.name for path in (tmp_path / "report").iterdir()}
    assert names == {
        "report.html", "report.md", "table.csv", "results.json", "summary.png", "quality-latency.png", "pictures.png",
    }  # fmt: skip
    assert files.html.stat().st_size < 4_000_000
    assert (tmp_path / "chat" / "one.png").read_bytes() == files.summary.read_bytes()


def test_a_compact_folder_can_be_committed(sweep, tmp_path) -> None:
    files = write_report(*sweep.finish(), tmp_path / "report", compact=True)
    assert files.html is None and not (tmp_path / "report" / "report.html").exists()
    assert sum(path.stat().st_size for path in (tmp_path / "report").iterdir()) < 1_000_000


def test_the_same_records_give_the_same_bytes(sweep, tmp_path) -> None:
    store, run_id = sweep.finish()
    one = write_report(store, run_id, tmp_path / "one")
    two = write_report(store, run_id, tmp_path / "two")
    assert texts(one.folder) == texts(two.folder)


def test_a_resumed_run_has_the_same_report_but_for_times(sweep, tmp_path) -> None:
    plain = write_report(*sweep.finish(), tmp_path / "plain")
    store, run_id = sweep.finish(changes={"resumed": 2, "reused": {"images": 3}, "made": {"images": 2}})
    later = store.load_run(run_id).model_copy(update={"started_ms": 1795600000000, "finished_ms": 1795600900000})
    store.save_run(later)
    resumed = write_report(store, run_id, tmp_path / "resumed")
    time = re.compile(rb"2026-11-2\d \d\d:\d\d UTC")
    assert {n: time.sub(b"TIME", t) for n, t in texts(plain.folder).items()} == {
        n: time.sub(b"TIME", t) for n, t in texts(resumed.folder).items()
    }


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"pending": [1]},
        {"failed": [0]},
        {"timed": False},
        {"cells": 1, "rows": 1},
        {"cells": 5, "rows": 8, "seeds": 2},
    ],
)
def test_whole_runs_of_every_kind_have_a_report(tmp_path, kind) -> None:
    store = open_store(tmp_path / "runs")
    files = write_report(store, make_run(store, **{"cells": 3, **kind}), tmp_path / "report")
    assert files.markdown.read_text().count("\n| ") == 2 + kind.get("cells", 3)


def test_markdown_reads_as_a_table_with_pictures(sweep, tmp_path) -> None:
    text = write_report(*sweep.finish(), tmp_path / "report", compact=True).markdown.read_text()
    assert text.startswith("# which-scheduler\n\nWhich scheduler is cheapest?\n\n**UniPC · 10 steps matches")
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(lines) == 2 + 6
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1
    assert "![CLIP score against latency](quality-latency.png)" in text and "](pictures.png)" in text
    assert "The first 6 prompts of 32" in text
    assert "- scheduler EulerDiscrete: is silently wrong here" in text


def test_a_run_without_results_still_has_a_report(build, tmp_path) -> None:
    builder = build()
    builder.cell("DDIM", 10, status="pending")
    files = write_report(*builder.finish(status="running"), tmp_path / "report")
    assert files.chart is None and files.pictures is None
    assert "No cell has a result yet." in files.markdown.read_text()
    assert "script-src &#39;none&#39;" in files.html.read_text()


def test_a_folder_that_cannot_be_written_is_told(sweep, tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="The report cannot be written") as caught:
        write_report(*sweep.finish(), tmp_path / "file")
    assert "records are safe" in caught.value.do


class _Page(HTMLParser):
    """What a browser would see: elements, attributes, and which text would run."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts, self.tags, self.attributes, self._in_script = [], [], [], False

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self._in_script = tag == "script"
        if tag == "script":
            self.scripts.append((dict(attrs).get("type"), ""))

    def handle_endtag(self, tag):
        self._in_script = self._in_script and tag != "script"

    def handle_data(self, data):
        if self._in_script:
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)


def test_hostile_names_stay_text(build, tmp_path) -> None:
    builder = build(text=HOSTILE)
    builder.cell("DDIM", 10, 84.0, versus="DDIM-100-g4", latency=0.1)
    builder.cell("DDPM", 10, status="failed")
    builder.cell("DDIM", 100, 84.5, latency=1.0)
    files = write_report(*builder.finish(), tmp_path / "report")
    page = _Page()
    page.feed(files.html.read_text())
    assert [kind for kind, _ in page.scripts] == ["application/json", None]
    assert not [a for a in page.attributes if a[1].startswith("on")]
    assert {value[:5] for tag, name, value in page.attributes if (tag, name) == ("img", "src")} == {"data:"}
    assert "{{7*7}}" in files.html.read_text()
    markdown = files.markdown.read_text()
    outside_code = re.sub(r"^(`{3,}).*?^\1$", "", markdown, flags=re.DOTALL | re.MULTILINE)
    assert "<script" not in outside_code.replace("\\<script", "") and "<img" not in outside_code.replace("\\<img", "")


def test_only_addresses_of_the_web_become_links(sweep, tmp_path) -> None:
    store, run_id = sweep.finish()
    place = store.runs.folder(run_id).path / "tracking.json"
    for page_, links in (("https://mlflow.example/1", ["https://mlflow.example/1"]), ("javascript:alert(1)", [])):
        place.write_text(json.dumps({"experiment": "e", "parent_run_id": "4f2a", "page": page_}))
        page = _Page()
        page.feed(write_report(store, run_id, tmp_path / "report").html.read_text())
        assert [value for tag, name, value in page.attributes if (tag, name) == ("a", "href")] == links


def test_the_page_asks_the_network_for_nothing(sweep, tmp_path) -> None:
    html = write_report(*sweep.finish(), tmp_path / "report").html.read_text()
    page = _Page()
    page.feed(html)
    links = [
        a
        for a in page.attributes
        if a[0] != "a" and a[1] in ("src", "href", "srcset", "action") and not a[2].startswith(("data:", "#"))
    ]
    assert links == []
    assert "default-src &#39;none&#39;" in html and "unsafe-eval" not in html.partition("<style>")[0]
