"""A plug-in's numbers belong to its code: another source, or another version, is another key."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.catalog.own_metrics import OwnMetric, OwnMetrics
from harness.catalog.types import MetricRow, WeightsRow
from harness.run import own_code, weights
from harness.run.own_code import code_of, identity_of
from harness.store.store import open_store

ROW = MetricRow(name="glow", tasks=("text-to-image",), direction="higher", unit="points", per_image=True, least_n=1,
                uses="own", source="us")  # fmt: skip


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnMetric]:
    """Of a package with a module beside the one that the entry point names."""
    package = tmp_path / "glow_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "metric.py").write_text("from glow_package.more import FACTOR")
    (package / "more.py").write_text("FACTOR = 1")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield OwnMetric(ROW, len, "glow", "1.0", "glow_package.metric")
    sys.modules.pop("glow_package", None)


def test_every_module_of_its_package_counts(own: OwnMetric, tmp_path: Path) -> None:
    before = code_of(own)
    assert code_of(own) == before and identity_of(own) == identity_of(own)
    (tmp_path / "glow_package" / "more.py").write_text("FACTOR = 2")
    assert code_of(own) != before


def test_so_does_its_version(own: OwnMetric) -> None:
    others = [replace(own, version="1.1"), replace(own, distribution="shine")]
    assert len({identity_of(one) for one in (own, *others)}) == 3


def test_a_single_module_is_its_own_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "lone_glow.py").write_text("metric = 1")
    (tmp_path / "neighbour.py").write_text("x = 1")
    importlib.invalidate_caches()
    own = OwnMetric(ROW, len, "glow", "1.0", "lone_glow")
    before = code_of(own)
    (tmp_path / "neighbour.py").write_text("x = 2")
    assert code_of(own) == before
    (tmp_path / "lone_glow.py").write_text("metric = 2")
    assert code_of(own) != before


def test_the_identity_stands_for_weights_in_the_keys(
    own: OwnMetric, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "own_metrics", lambda: OwnMetrics({"glow": own}, {}))
    row = WeightsRow(name="own:glow", kind="own", place=None, architecture="glow 1.0", embedding_dim=None, resize="",
                     verified=True)  # fmt: skip
    assert weights.scorer_weights(open_store(tmp_path / "runs"), row)[1].digest == identity_of(own)


def test_a_table_that_it_brings_counts_and_what_python_writes_does_not(own: OwnMetric, tmp_path: Path) -> None:
    package = tmp_path / "glow_package"
    before = code_of(own)
    for name in ("__pycache__/metric.pyc", ".cache/notes"):
        (package / name).parent.mkdir(exist_ok=True)
        (package / name).write_text("of no account")
    assert code_of(own) == before
    (package / "tables").mkdir()
    (package / "tables" / "weights.csv").write_text("1")
    with_table = code_of(own)
    assert with_table != before
    (package / "tables" / "weights.csv").rename(package / "tables" / "other.csv")
    assert code_of(own) not in (before, with_table)


def test_versions_of_what_it_requires_count(own: OwnMetric, monkeypatch: pytest.MonkeyPatch) -> None:
    """For any extra and system; one that is not installed is known as missing."""
    asked = ["numpy>=2; python_version > '3'", "lantern[bright]==1 ; extra == 'light'"]
    versions = {"numpy": "2.1"}
    monkeypatch.setattr(own_code.importlib.metadata, "requires", lambda _: asked)
    monkeypatch.setattr(own_code, "_version", versions.get)
    before = identity_of(own)
    assert own_code._required("glow") == {"lantern": None, "numpy": "2.1"}
    versions["lantern"] = "1"
    with_lantern = identity_of(own)
    versions["numpy"] = "2.2"
    assert len({before, with_lantern, identity_of(own)}) == 3


def test_a_module_that_is_gone_has_no_code(own: OwnMetric) -> None:
    assert code_of(replace(own, module="no_such_module.metric")) == ""
