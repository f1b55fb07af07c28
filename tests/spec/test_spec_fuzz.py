"""Whatever stands in a file, a person gets a fault or a spec, never a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.catalog.metrics import MEASURES, METRICS
from harness.catalog.models import MODELS
from harness.catalog.scheduler_words import WORDS
from harness.catalog.schedulers import schedulers
from harness.errors import HarnessError, SpecError
from harness.plan.build import plan_file
from harness.spec.knobs import KNOBS
from harness.spec.load import KEYS

_WORDS = ["", "none", "off", "float32", "64x64", "3%", "./here", "../x", "~", "~nobody/x", "a\0b", "\u2028", "é" * 300]
_NAMES = st.sampled_from([*MODELS, *list(schedulers()), *METRICS, *MEASURES, *_WORDS])
_SCALARS = st.one_of(
    _NAMES,
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(0, 100),
    st.floats(),
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.dates(),
)
_INNER = st.sampled_from([*KNOBS, *METRICS, *WORDS, "file", "first", "repeats", "rounds", "prior", "decoder", "DDIM"])
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(_INNER, _SCALARS), inner, max_size=3)
    ),
    max_leaves=6,
)
_GOOD: dict[str, Any] = {
    "prompts": ["a star", "a cross"],
    "model": "mini-2.2",
    "scheduler": ["DDIM", "DDPM"],
    "num_inference_steps": [4, 8],
    "compare_to": {"scheduler": "DDIM"},
    "timing": {"repeats": 2},
}
_SPECS = st.builds(
    lambda changes, gone: {key: value for key, value in {**_GOOD, **changes}.items() if key not in gone},
    st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(st.characters(codec="utf-8"), max_size=6)), _VALUES,
                    max_size=4),
    st.sets(st.sampled_from(sorted(_GOOD)), max_size=2),
)  # fmt: skip


def _told(path: Path) -> HarnessError | None:
    """What a person is told, if anything: text that can be printed."""
    try:
        plan_file(str(path))
    except HarnessError as error:
        told: HarnessError | None = error
    else:
        told = None
    assert told is None or str(told).encode()
    return told


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "spec.yaml"


@settings(max_examples=400)
@given(data=_SPECS)
def test_any_values_are_read_planned_or_refused(path: Path, data: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    error = _told(path)
    if isinstance(error, SpecError):
        assert error.problems and all(problem.file == str(path) for problem in error.problems)


@settings(max_examples=200)
@given(
    content=st.one_of(st.binary(max_size=60), st.text(st.sampled_from("ab: -?!&*[]{}<>|#'\"\n\t,%@`0"), max_size=40))
)
@example(content='prompts: "\\ud800"')
@example(content="prompts: x\n? [a, b]\n: 1")
@example(content="prompts: x\n1: 2\nnull: 3\n~: 4")
def test_any_bytes_are_read_or_refused(path: Path, content: bytes | str) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    _told(path)


@settings(max_examples=150)
@given(content=st.one_of(st.binary(max_size=60), st.text(st.sampled_from('idpromtsenga_v,"\n\r 0129²'), max_size=60)))
@pytest.mark.parametrize("form", ["prompts: {file: rows.csv}", "inputs: rows.csv"])
def test_any_file_of_prompts_is_read_or_refused(path: Path, form: str, content: bytes | str) -> None:
    head = b"prompt,seed\n" if isinstance(content, str) else b""
    (path.parent / "rows.csv").write_bytes(content if isinstance(content, bytes) else head + content.encode())
    path.write_text(form)
    _told(path)
