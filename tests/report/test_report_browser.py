"""The page in a real browser: it opens from disk, asks the network for nothing, and its charts come alive."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support.sweeps import usual

from harness.report.write import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on this machine: the page was not opened in a browser"
)

QUIET = ("quic", "background-networking", "component-update", "sync", "extensions")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=8000", "--enable-logging=stderr"]
FLAGS += ["--no-first-run", *(f"--disable-{name}" for name in QUIET), "--host-resolver-rules=MAP * ~NOTFOUND"]


def browse(page: Path, work: Path, *flags: str) -> tuple[str, list[str], list[str]]:
    """The page's document once its scripts have run, its console's lines, and the addresses it asked for."""
    log = work / "net.json"
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={work / 'profile'}", f"--log-net-log={log}", *flags, "--dump-dom"]
    done = subprocess.run(
        [*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True, stdin=subprocess.DEVNULL
    )
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, console, asked_for(log.read_text())


def asked_for(log: str) -> list[str]:
    """Addresses that the page asked for, from Chromium's network log; the browser's own requests are not its."""
    known = [event.get("params", {}) for event in json.loads(log)["events"]]
    from_page = [p for p in known if "url" in p and p.get("network_isolation_key", "").startswith("file://")]
    return sorted({p["url"] for p in from_page if not p["url"].startswith(("file:", "data:"))})


def test_the_page_opens_from_disk_and_its_charts_come_alive(sweep, tmp_path) -> None:
    files = write_report(*sweep.finish(status="failed-cells"), tmp_path / "report")
    document, console, urls = browse(files.html, tmp_path)
    assert document.count('data-live="yes"') == 3
    assert "UniPC · 10 steps matches DDIM · 100 steps" in document
    assert console == []
    assert urls == []


def test_without_javascript_the_charts_stand_still(sweep, tmp_path) -> None:
    html = write_report(*sweep.finish(status="failed-cells"), tmp_path / "report").html
    html.write_text(re.sub(r"script-src &#39;sha256-[^&]+&#39;", "script-src &#39;none&#39;", html.read_text()))
    document, _, urls = browse(html, tmp_path)
    assert document.count('data-live="yes"') == 0
    assert document.count('class="marks"') == 3
    assert urls == []


def test_the_comparison_of_schedulers_opens_too(grid, tmp_path) -> None:
    files = write_report(*usual(grid()).finish(), tmp_path / "report", kind="schedulers")
    document, console, urls = browse(files.html, tmp_path)
    assert document.count('data-live="yes"') == 3
    assert "What each scheduler needs" in document
    assert (console, urls) == ([], [])


def test_hostile_names_run_nothing(build, tmp_path) -> None:
    builder = build(text="</script><script>document.title='taken'</script><img src=x onerror=document.title='taken'>")
    builder.cell("DDIM", 10, 84.0, versus="DDIM-100-g4", latency=0.1)
    builder.cell("DDIM", 100, 84.5, latency=1.0)
    document, console, urls = browse(write_report(*builder.finish(), tmp_path / "report").html, tmp_path)
    assert "<title>which-scheduler" in document
    assert document.count('data-live="yes"') == 3
    assert (console, urls) == ([], [])


def test_the_checks_above_can_fail(tmp_path) -> None:
    """A page that breaks its own policy, throws and fetches is caught by the same means."""
    page = tmp_path / "bad.html"
    page.write_text("<script>fetch('http://127.0.0.1:9/x').catch(() => 0); throw new Error('planted')</script>")
    _, console, urls = browse(page, tmp_path)
    assert any("planted" in line for line in console)
    assert urls == ["http://127.0.0.1:9/x"]
