"""Plug-ins found by their entry points: good ones become rows, others keep their reason."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.catalog.own_metrics import GROUP, OwnMetrics, own_metrics, own_weights
from harness.catalog.types import MetricRow
from harness.catalog.weights import weights_row

GOOD = '{"name": "NAME", "tasks": ["text-to-image"], "direction": "higher", "unit": "points", "source": "us"}'
Install = Callable[..., OwnMetrics]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Bring packages, each ``distribution=(metric's name, module's text)``, and look for plug-ins again."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def bring(**packages: tuple[str, str]) -> OwnMetrics:
        for package, (name, text) in packages.items():
            (tmp_path / f"{package}_code.py").write_text(text.replace("NAME", name))
            info = tmp_path / f"{package}-2.5.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 2.5\n")
            (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {package}_code:metric\n")
        own_metrics.cache_clear()
        return own_metrics()

    yield bring
    own_metrics.cache_clear()
    for name in [name for name in sys.modules if name.endswith("_code")]:
        del sys.modules[name]


def _metric(row: str = GOOD, call: str = "return [1.0] * len(views)") -> str:
    return f"class Metric:\n    row = {row}\n    def __call__(self, views):\n        {call}\nmetric = Metric()\n"


def test_without_plug_ins_there_are_none() -> None:
    assert own_metrics() == OwnMetrics({}, {})


def test_a_plug_in_is_a_row_of_the_catalog(install: Install) -> None:
    found = install(one=("glow", _metric()))
    own = found.found["glow"]
    assert own.row == MetricRow(name="glow", tasks=("text-to-image",), direction="higher", unit="points",
                                per_image=True, least_n=1, uses="own", source="us")  # fmt: skip
    assert (own.distribution, own.version, own.module) == ("one", "2.5", "one_code") and found.faults == {}
    assert own_weights("glow") == weights_row("own:glow") and own_weights("glow").architecture == "one 2.5"
    assert not own_weights("glow").verified, "nobody here has run it beside a reference"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import nothing_of_that_name\n", "No module named"),
        ("metric = 1\n", "no attribute 'row'"),
        (_metric(GOOD.replace('"higher"', '"up"')), "row.direction"),
        (_metric(GOOD.replace('"text-to-image"', '"text-to-song"')), "row.tasks"),
        (_metric(GOOD.replace('"NAME"', '"another"')), "its row is named 'another'"),
        (_metric(GOOD.replace("}", ', "colour": "red"}')), "row.colour"),
        ("class Metric:\n    row = " + GOOD + "\nmetric = Metric()\n", "cannot be called"),
        ("raise SystemExit('boom')\n", "boom"),
    ],
)
def test_one_that_cannot_be_loaded_keeps_its_reason(install: Install, text: str, reason: str) -> None:
    found = install(bad=("murky", text), good=("glow", _metric()))
    assert list(found.found) == ["glow"]
    assert found.faults["murky"].startswith("bad 2.5 cannot be loaded: ") and reason in found.faults["murky"]


def test_two_packages_with_one_name_are_no_metric(install: Install) -> None:
    found = install(one=("glow", _metric()), two=("glow", _metric()))
    assert found.found == {} and "is taken" in found.faults["glow"]


def test_a_shipped_metric_stays_what_it_is(install: Install) -> None:
    """Another's `clip_score` would be a number under a name that is taken."""
    found: Any = install(one=("clip_score", _metric()))
    assert found.found == {} and "is taken" in found.faults["clip_score"]
