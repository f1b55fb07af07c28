"""The examination on a terminal: the verdict, every fact and every line, in a hundred columns."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.doctor import GIB, healthy, without_package, without_parts

from harness.run.doctor.examine import judge
from harness.run.doctor.fetching import Way
from harness.run.doctor.render import render
from harness.run.doctor.rows import CATALOGS, Entry, miniature
from harness.run.doctor.types import Examination, Facts

PRIOR = "kandinsky-community/kandinsky-2-2-prior"
CONTROLNET = "kandinsky-community/kandinsky-2-2-controlnet-depth"
FACTS = (
    "64.0 GiB, 60.0 GiB available", "9.9+cu130, built with CUDA 13.0, cuDNN 92400; 2 threads, AVX2",
    "H100, 80.0 GiB (79.0 GiB free), capability 9.0: computes", "/usr/bin/g++", "NVRM version: 580.1",
    "https://huggingface.co answers", "no store yet; the first run can make it", "governor unknown",
)  # fmt: skip
LONG = Way("harness fetch guide " + "--only model=kandinsky-2.2 " * 5, frozenset({PRIOR, CONTROLNET}), 1)


def _examined(facts: Facts) -> Examination:
    (own,) = judge("miniature", lambda: iter((miniature(),)), facts, [LONG])
    rows = [row for name, entries in CATALOGS.items() for row in judge(name, entries, facts, [LONG])]
    return Examination(harness="1", facts=facts, miniature=own, rows=tuple(rows))


def _shown(facts: Facts, width: int = 100) -> str:
    return render(_examined(facts), width=width)


def test_a_healthy_machine_is_told_what_to_run() -> None:
    shown = _shown(healthy())
    assert shown.startswith("The shipped miniature runs on this machine: `harness run quickstart`.")
    assert "what is closed" not in shown and "closed " not in shown.partition("tasks and models")[2]
    assert re.search(r"^  models +6 +– +– +–$", shown, re.M)
    for fact in FACTS:
        assert fact in shown


def test_what_the_miniature_lacks_comes_first() -> None:
    shown = _shown(without_package("torchvision"))
    assert shown.splitlines()[:2] == [
        "The shipped miniature cannot run on this machine:",
        "  torchvision is not installed",
    ]
    closed = shown.partition("what is closed")[2].splitlines()
    assert closed[1] == "  $ pip install torchvision" and "for miniature: the shipped miniature; metrics:" in closed[3]


def test_a_line_is_whole_and_everything_else_keeps_to_the_width() -> None:
    shown = _shown(without_parts(PRIOR, CONTROLNET, facts=without_package("xformers")))
    commands = [line for line in shown.splitlines() if line.startswith("  $ ")]
    assert commands == [f"  $ {LONG.line}".rstrip(), "  $ pip install xformers"]
    assert max(len(line) for line in shown.splitlines() if line not in commands) <= 100
    assert CONTROLNET in shown and "…" not in shown
    assert "prior, controlnet of kandinsky-2.2: not on this machine (about 2.0 GB to bring)" in shown


@pytest.mark.parametrize(
    ("how", "word"), [({}, "absent"), ({"bytes": 3}, "not whole"), ({"elsewhere": "/x"}, "elsewhere")]
)
def test_weights_are_shown_with_where_they_are(how: dict[str, Any], word: str) -> None:
    shown = _shown(without_parts(PRIOR, **how))
    assert re.search(rf"^  kandinsky-2.2 +prior +{PRIOR} +{word} +1.0 GB$", shown, re.M)
    assert re.search(r"^  kandinsky-2.2 +decoder +kandinsky-community/kandinsky-2-2-decoder +whole", shown, re.M)


def test_the_matrix_says_what_each_model_can_do() -> None:
    shown = _shown(without_parts(CONTROLNET))
    rows = {line.split()[0]: line.split()[1:] for line in shown.partition("tasks and models")[2].splitlines()[2:8]}
    assert rows["controlnet-depth-text-to-image"] == ["open", "–", "–", "closed", "–", "–"]
    assert rows["text-to-image"] == ["open"] * 6


def test_optimizations_are_named_by_what_this_machine_says_of_them() -> None:
    shown = _shown(without_package("xformers"), width=400)
    section = shown.partition("\noptimizations\n")[2].partition("\n\n")[0].splitlines()
    named = dict(re.split(r"\s{2,}", line.strip()) for line in section)
    assert set(named) == {"open", "closed", "refused (everywhere)"}
    assert named["closed"] == "xformers" and named["refused (everywhere)"] == "movq-slicing, movq-tiling"
    assert "channels-last, release-prior, model-offload" in named["open"]


def test_of_many_rows_only_the_number_is_told() -> None:
    shown = _shown(without_package("torch"))
    assert "for miniature: the shipped miniature; models: 6 rows; tasks: 24 rows; schedulers: 19 rows;" in shown
    assert "controlnet-depth-image-to-image with mini-2.2" not in shown


def test_what_no_line_opens_comes_last_with_what_to_do() -> None:
    facts = without_package("xformers", healthy(devices=healthy().devices[:1], machine=healthy().machine.model_copy(
        update={"nvidia_driver": None, "cgroup_memory_bytes": 4 * GIB, "cgroup_cpus": 1.5})))  # fmt: skip
    shown = _shown(facts)
    assert "a container's limit of 1.5 processors" in shown and "a container's limit of 4.0 GiB" in shown
    closed = shown.partition("opens it\n")[2]
    assert closed.index("$ pip install xformers") < closed.index("– torch sees no cuda device here")
    assert closed.count("run on a machine that has one") == 2


def test_a_torch_that_cannot_be_asked_and_a_store_that_cannot_be_used_are_told() -> None:
    store = healthy().store.model_copy(update={"usable": False, "reason": "it is read-only"})
    shown = _shown(healthy(torch=None, torch_reason="ImportError: libcudart", devices=(), store=store))
    assert "torch          could not be asked: ImportError: libcudart" in shown
    assert "state   cannot be used: it is read-only" in shown


@pytest.mark.parametrize(("reached", "word"), [(False, "does not answer: refused"), (None, "was not asked: refused")])
def test_the_hub_is_told(reached: bool | None, word: str) -> None:
    hub = healthy().hub.model_copy(update={"reached": reached, "reason": "refused", "token": True})
    assert word in _shown(healthy(hub=hub)) and "one is set" in _shown(healthy(hub=hub))


def test_an_unknown_row_is_shown_with_its_reason() -> None:
    (row,) = judge("optimizations", lambda: iter((Entry("new", None),)), healthy(), [])
    found = _examined(healthy())
    shown = render(found.model_copy(update={"rows": (*found.rows, row)}), width=100)
    assert "– what it needs is not written down" in shown and "for optimizations: new" in shown


def test_markup_in_a_name_is_text() -> None:
    facts = healthy(torch=None, torch_reason="[red]x[/red] [/] error")
    assert "[red]x[/red] [/] error" in _shown(facts)


def test_colour_is_for_terminals() -> None:
    found = _examined(healthy())
    assert "\x1b[" not in render(found) and "\x1b[" in render(found, colour=True)
