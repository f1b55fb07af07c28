"""Rows from prompts, files and tables, and what is wrong with each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import Problem
from harness.spec.inputs import prompt_id
from harness.spec.types import Spec

Faults = Callable[[str], list[Problem]]
Specs = Callable[[str], Spec]

ONE_FAULT = [
    ("name: x", None, "", "there are no prompts"),
    ("prompts: []", 1, "prompts", "the list is empty"),
    ("prompts:", 1, "prompts", "nothing is no prompt"),
    ("prompts: ' '", 1, "prompts", "is no prompt"),
    ("prompts:\n  - a star\n  - 3", 3, "prompts[1]", "3 is no prompt"),
    ("prompts:\n  - a star\n  - a cross\n  - a star", 4, "prompts[2]", "'a star' stands there twice"),
    ("prompts: {first: 3}", 1, "prompts", "no file is named"),
    ("prompts: {file: two.txt, frist: 1}", 1, "prompts.frist", "unknown key"),
    ("prompts: {file: two.txt, first: 0}", 1, "prompts.first", "at least 1"),
    ("prompts: {file: two.txt, first: true}", 1, "prompts.first", "at least 1"),
    ("prompts: {file: two.txt, first: 3}", 1, "prompts.first", "the file has 2 prompts, not 3"),
    ("prompts: {file: 3}", 1, "prompts.file", "is no file name"),
    ("prompts: {file: ''}", 1, "prompts.file", "is no file name"),
    ("prompts: {file: empty.txt}", 1, "prompts.file", "empty.txt is empty"),
    ("prompts: {file: comments.txt}", 1, "prompts.file", "has no prompt in it"),
    ("prompts: {file: latin.txt}", 1, "prompts.file", "no UTF-8 text (byte 5)"),
    ("prompts: {file: twins.txt}", 1, "prompts.file", "twins.txt:3: 'a star' stands there twice"),
    ("prompts: a\ninputs: good.csv", 2, "inputs", "given twice"),
    ("prompts: a\nnegative_prompt: 3", 2, "negative_prompt", "3 is no prompt"),
    ("prompts: a\nseeds: []", 2, "seeds", "the list is empty"),
    ("prompts: a\nseeds: -1", 2, "seeds", "-1 is no seed"),
    ("prompts: a\nseeds: [0, 1.5]", 2, "seeds[1]", "1.5 is no seed"),
    ("prompts: a\nseeds: [9223372036854775808]", 2, "seeds[0]", "is no seed"),
    ("prompts: a\nseeds: [3, 4,\n 3]", 3, "seeds[2]", "3 stands in the list twice"),
    ("inputs: header.csv", 1, "inputs", "header.csv has no rows"),
    ("inputs: column.csv", 1, "inputs", "unknown column 'promt'"),
    ("inputs: blank.csv", 1, "inputs", "blank.csv:3 has no prompt"),
    ("inputs: seed.csv", 1, "inputs", "seed.csv:2: seed '²' is no whole number"),
    ("inputs: ident.csv", 1, "inputs", "ident.csv:2: id '../x' will not do"),
    ("inputs: comma.csv", 1, "inputs", "comma.csv:2 has more fields"),
    ("inputs: quote.csv", 1, "inputs", "cannot be read"),
    ("inputs: meaning.csv", 1, "inputs", "meaning.csv:3: id 'a' already means another prompt"),
]
FILES: dict[str, bytes] = {
    "two.txt": b"a star\n\n# not this\na cross\n",
    "empty.txt": b" \n\n",
    "comments.txt": b"# only\n",
    "latin.txt": b"a caf\xe9\n",
    "twins.txt": b"a star\na cross\na star\n",
    "good.csv": b"prompt\na star\n",
    "header.csv": b"id,prompt\n",
    "column.csv": b"prompt,promt\na,b\n",
    "blank.csv": b"prompt,seed\na star,1\n,2\n",
    "seed.csv": "prompt,seed\na star,²\n".encode(),
    "ident.csv": b"id,prompt\n../x,a star\n",
    "comma.csv": b"prompt\na star, red\n",
    "quote.csv": b'prompt\n"a star\n',
    "meaning.csv": b"id,prompt\na,a star\na,a cross\n",
}


@pytest.fixture(autouse=True)
def _files(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)


@pytest.mark.parametrize(("text", "line", "path", "part"), ONE_FAULT, ids=[row[0][:40] for row in ONE_FAULT])
def test_what_is_wrong_with_inputs(faults_of: Faults, text: str, line: int | None, path: str, part: str) -> None:
    (fault,) = faults_of(text)
    assert (fault.line or 1, fault.path, part in fault.happened + fault.expected) == (line or 1, path, True)
    assert not fault.missing


@pytest.mark.parametrize("name", ["nowhere.txt", "folder", '"a\\0b"', "x" * 300, "~nobody-of-that-name/x"])
@pytest.mark.parametrize("form", ["prompts: {{file: {}}}", "inputs: {}"])
def test_a_file_that_cannot_be_read_is_missing(faults_of: Faults, tmp_path: Path, name: str, form: str) -> None:
    (tmp_path / "folder").mkdir()
    (fault,) = faults_of(form.format(name))
    assert fault.missing and "cannot be read" in fault.happened and str(tmp_path) in fault.expected


def test_more_images_than_anyone_means_are_refused(faults_of: Faults, tmp_path: Path) -> None:
    (tmp_path / "many.txt").write_text("".join(f"star {i}\n" for i in range(1001)))
    (fault,) = faults_of(f"prompts: {{file: many.txt}}\nseeds: {list(range(1000))}\n")
    assert (fault.line, fault.path, fault.happened) == (2, "seeds", "1,001,000 images are asked for in every cell")


@pytest.mark.parametrize("form", ["prompts: {file: huge.txt}", "inputs: huge.txt"])
def test_a_huge_file_is_not_read(faults_of: Faults, tmp_path: Path, form: str) -> None:
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate(50_000_001)  # sparse: it takes no room
    (fault,) = faults_of(form)
    assert fault.happened == "huge.txt is larger than 50 MB" and not fault.missing


def test_two_faults_of_a_table_are_both_told(faults_of: Faults, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("prompt,seed\n,1\na star,x\n")
    assert [fault.happened for fault in faults_of("inputs: bad.csv")] == [
        "bad.csv:2 has no prompt", "bad.csv:3: seed 'x' is no whole number of at least 0",
    ]  # fmt: skip


def test_a_file_gives_a_prompt_a_line(spec_of: Specs) -> None:
    rows = spec_of("prompts: {file: two.txt}\nseeds: [0, 7]\n").rows
    assert [(row.prompt, row.seed) for row in rows] == [("a star", 0), ("a star", 7), ("a cross", 0), ("a cross", 7)]
    assert [row.prompt for row in spec_of("prompts: {file: two.txt, first: 1}\n").rows] == ["a star"]


def test_a_byte_order_mark_is_no_part_of_a_prompt(spec_of: Specs, tmp_path: Path) -> None:
    (tmp_path / "marked.txt").write_bytes(b"\xef\xbb\xbfa star\n")
    assert spec_of("prompts: {file: marked.txt}\n").rows[0].prompt == "a star"


def test_a_table_gives_ids_negative_prompts_and_seeds(spec_of: Specs, tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text(
        'id,prompt,negative_prompt,seed\nfirst,"a star, red",blur,\n,a cross,,5\n,"two\nlines",,6\n'
    )
    rows = spec_of("inputs: cases.csv\nnegative_prompt: noise\nseeds: [1, 2]\n").rows
    cross, lines = prompt_id("a cross", "noise"), prompt_id("two\nlines", "noise")
    assert [(row.id, row.prompt, row.negative_prompt, row.seed) for row in rows] == [
        ("first-s1", "a star, red", "blur", 1),
        ("first-s2", "a star, red", "blur", 2),
        (f"{cross}-s5", "a cross", "noise", 5),
        (f"{lines}-s6", "two\nlines", "noise", 6),
    ]


def test_one_prompt_may_have_rows_of_several_seeds(spec_of: Specs, tmp_path: Path) -> None:
    (tmp_path / "seeds.csv").write_text("prompt,seed\na star,1\na star,2\n")
    rows = spec_of("inputs: seeds.csv\n").rows
    assert len({row.id for row in rows}) == 2 and len({row.prompt_id for row in rows}) == 1


def test_a_rows_id_follows_from_its_content_not_its_place(spec_of: Specs) -> None:
    first, second = spec_of("prompts: [a star, a cross]\n").rows
    assert spec_of("prompts: [a cross, a star]\n").rows == (second, first)
    assert spec_of("prompts: a star\nnegative_prompt: x\n").rows[0].id != first.id
