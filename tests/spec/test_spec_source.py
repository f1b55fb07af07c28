"""YAML as data only: tags, bombs, depths and odd encodings are refused with a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import Problem, SpecError
from harness.spec.source import dotted, read


def _faults(tmp_path: Path, content: str | bytes) -> list[Problem]:
    path = tmp_path / "spec.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    try:
        return read(path).problems
    except SpecError as error:
        return list(error.problems)


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join(['*' + old] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
DAMAGE = [
    ("a: [1\nb: 2\n", 2, "this is no YAML"),
    ("a: 1\n\tb: 2\n", 2, "this is no YAML"),
    ("a: 1\n---\nb: 2\n", 2, "expected a single document"),
    ("a: *nobody\n", 1, "undefined alias"),
    ("", 1, "a spec is a mapping"),
    ("# nothing\n", 1, "a spec is a mapping"),
    ("- a\n- b\n", 1, "a spec is a mapping"),
    ("just words\n", 1, "a spec is a mapping"),
    ("a: 1\nb: 2\na: 3\n", 3, "stands here twice"),
    ("a: 1\nb:\n  c: !!python/object/apply:os.system [ls]\n", 3, "is not allowed"),
    ("a: !mine 1\n", 1, "the tag '!mine' is not allowed"),
    ("a: !!binary aGVsbG8=\n", 1, "the tag 'binary' is not allowed"),
    ("a: !!int many\n", 1, "'many' is no int"),
    ("a: !!bool maybe\n", 1, "'maybe' is no bool"),
    (BOMB, None, "unfolds to too many values"),
    ("a: &a [*a]\n", None, "nested too deeply"),
    ("a: " + "[" * 200 + "]" * 200, 1, "nested too deeply"),
    ("a: " + "[" * 400_000, 1, "nested too deeply"),  # crashes libyaml's composer
    ("a: " + "x" * 1_000_001, None, "larger than a megabyte"),
    (b"a: \xff\xfe\n", None, "not UTF-8 text (byte 3)"),
    ("a: \x07\n", None, "this is no YAML"),
]


@pytest.mark.parametrize(("content", "line", "part"), DAMAGE, ids=[f"{row[2]}-{i}" for i, row in enumerate(DAMAGE)])
def test_damage_is_told_with_its_line(tmp_path: Path, content: str | bytes, line: int | None, part: str) -> None:
    (fault,) = _faults(tmp_path, content)
    assert (fault.line, part in fault.happened) == (line, True)


def test_an_alias_is_plain_repetition(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("a: &x {k: 1}\nb: *x\n")
    assert read(path).data == {"a": {"k": 1}, "b": {"k": 1}}


def test_a_merge_key_is_no_second_language(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("a: &x {k: 1}\nb: {<<: *x}\n")
    assert read(path).data["b"] == {"<<": {"k": 1}}


def test_keys_are_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("no: 1\n12: 2\n2024-01-01: 2024-01-02\n")
    assert read(path).data == {"no": 1, "12": 2, "2024-01-01": "2024-01-02"}


def test_a_place_has_the_line_of_its_key(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("a:\n  - x\n  - {b:\n      c}\n")
    lines = {dotted(place): line for place, line in read(path).lines.items()}
    assert lines == {"": 1, "a": 1, "a[0]": 2, "a[1]": 3, "a[1].b": 3}


def test_a_fault_without_a_line_of_its_own_takes_the_place_above(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("\na:\n  b: 1\n")
    source = read(path)
    source.fault(("a", "b", "c", 3), "wrong")
    assert [(p.line, p.path) for p in source.problems] == [(3, "a.b.c[3]")]
