"""A comparison as JUnit XML: one test case for each cell and metric.

A test case is named by the cell's every knob, so that its history in CI goes on when the spec sweeps more, or less.

A failure is a regression. Skipped is what is not comparable, what has no verdict, and what is inconclusive: a green
mark would say that something was shown. ``strict`` makes failures of what is open, as it does with the exit code.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from harness.compare import words
from harness.compare.outcome import UNMADE, exit_code, headline, rows_lost, took_over
from harness.compare.types import RESULT, CellCompared, Compared, Finding
from harness.compare.undecided import largest_words
from harness.report.text import plural

#: What XML 1.0 cannot hold, however it is written.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(compared: Compared, *, strict: bool = False) -> bytes:
    """The XML's bytes, UTF-8."""
    suite = ET.Element("testsuite", name="harness compare")
    properties = ET.SubElement(suite, "properties")
    for name, text in (*_properties(compared), ("leaves with", str(int(exit_code(compared, strict=strict))))):
        ET.SubElement(properties, "property", name=_legal(name), value=_legal(text))
    for cell, finding in compared.findings():
        _case(suite, cell, finding, strict=strict, tested=not took_over(finding))
    for cell in filter(rows_lost, compared.cells):
        told = f"{cell.label}: {plural(rows_lost(cell), 'row')} that only the baseline has"
        _finish(_new(suite, cell.name, "rows"), told, failed=strict)
    for alone in (*compared.only_baseline, *compared.only_run):
        of_baseline = alone in compared.only_baseline
        told = f"{alone.label}: not compared; only the {'baseline' if of_baseline else 'run'} has it"
        _finish(_new(suite, alone.name, RESULT), told, failed=strict and of_baseline)
    tests = {"tests": "testcase", "failures": "testcase/failure", "skipped": "testcase/skipped"}
    suite.attrib.update({name: str(len(suite.findall(path))) for name, path in tests.items()} | {"errors": "0"})
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _properties(compared: Compared) -> list[tuple[str, str]]:
    sides = [("baseline", compared.baseline.run_id), ("run", compared.run.run_id)]
    changed = [(heading, words.change_text(one)) for heading, found in words.changes(compared) for one in found]
    said = [("said", headline(compared)), ("leaning worse the most", largest_words(compared) or "nothing")]
    unknown = [("not known", text) for text in compared.unknown]
    return [*sides, *said, *unknown, *((f"changed, {heading}", text) for heading, text in changed)]


def _case(suite: ET.Element, cell: CellCompared, finding: Finding, *, strict: bool, tested: bool) -> None:
    case = _new(suite, cell.name, finding.metric)
    parts = [
        f"{cell.label}: {finding.verdict}",
        words.change(finding),
        f"margin {words.margin(finding)}" if finding.margin else "",
    ]
    told = "; ".join(part for part in (*parts, words.remark(finding), words.pictures(cell.pictures)) if part)
    open_ = finding.verdict == "inconclusive" or finding.owed or cell.outcome in UNMADE
    if finding.verdict == "regressed" or (strict and open_):
        _finish(case, told, failed=True, kind=finding.verdict)
    elif not tested:
        _finish(case, f"not tested: {told}", failed=strict, kind="not tested")
    elif finding.verdict in ("improved", "equivalent"):
        ET.SubElement(case, "system-out").text = _legal(told)
    else:
        _finish(case, told, failed=False)


def _new(suite: ET.Element, cell: str, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=_legal(cell), name=_legal(name))


def _finish(case: ET.Element, told: str, *, failed: bool, kind: str = "inconclusive") -> None:
    if failed:
        ET.SubElement(case, "failure", type=kind, message=_legal(told))
    else:
        ET.SubElement(case, "skipped", message=_legal(told))


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)
