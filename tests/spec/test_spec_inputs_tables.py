"""The same rows in every kind of table, and what is wrong with each."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError, Problem
from harness.spec.inputs import prompt_id
from harness.spec.load import load_spec
from harness.spec.tables import COLUMNS
from harness.spec.types import Spec

Faults = Callable[[str], list[Problem]]
Specs = Callable[[str], Spec]

ROWS: list[dict[str, Any]] = [
    {"id": "first", "prompt": "a star, red", "negative_prompt": "blur", "seed": 4},
    {"prompt": "a cross", "mix": ["a", {"text": "b"}], "weights": [0.25, 0.75]},
    {"mix": ["a", "b", "c"], "seed": 5},
]


def _csv(rows: list[dict[str, Any]], separator: str) -> str:
    flat = [{k: json.dumps(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows]
    return pd.DataFrame(flat, dtype=object).to_csv(sep=separator, index=False)


def _written(folder: Path, kind: str) -> str:
    path = folder / f"rows.{kind}"
    if kind == "parquet":
        mixes = [[t if isinstance(t, dict) else {"text": t} for t in row.get("mix", [])] or None for row in ROWS]
        pd.DataFrame(ROWS).assign(mix=mixes).to_parquet(path)
    elif kind == "jsonl":
        path.write_text("\n".join(map(json.dumps, ROWS)) + "\n\n")
    else:
        path.write_text(_csv(ROWS, {"csv": ",", "tsv": "\t"}[kind]))
    return f"inputs: {path.name}\n"


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_every_kind_of_table_gives_the_rows_of_an_inline_list(spec_of: Specs, tmp_path: Path, kind: str) -> None:
    inline = spec_of(f"inputs: {json.dumps(ROWS)}\nseeds: [1, 2]\n").rows
    assert spec_of(_written(tmp_path, kind) + "seeds: [1, 2]\n").rows == inline
    assert [(row.prompt, row.negative_prompt, row.seed, len(row.mix), row.weights) for row in inline] == [
        ("a star, red", "blur", 4, 0, None), ("a cross", None, 1, 2, (0.25, 0.75)),
        ("a cross", None, 2, 2, (0.25, 0.75)), ("", None, 5, 3, None),
    ]  # fmt: skip


def test_an_upper_case_suffix_is_the_same_kind(spec_of: Specs, tmp_path: Path) -> None:
    (tmp_path / "ROWS.TSV").write_text("prompt\tseed\na, b\t3\n")
    (row,) = spec_of("inputs: ROWS.TSV").rows
    assert (row.prompt, row.seed) == ("a, b", 3)


def test_the_empty_prompt_may_be_asked_for(spec_of: Specs, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"prompt": ""}\n{"prompt": "", "negative_prompt": ""}')
    for text in ('prompts: ""', 'prompts: [""]', 'inputs: [{prompt: ""}]'):
        (row,) = spec_of(text).rows
        assert (row.id, row.prompt) == (f"{prompt_id('', None)}-s0", "")
    first, second = spec_of("inputs: a.jsonl\nnegative_prompt: blur").rows
    assert (first.negative_prompt, second.negative_prompt) == ("blur", "")


def test_prompts_may_be_a_column_of_a_table(spec_of: Specs, tmp_path: Path) -> None:
    pd.DataFrame({"caption": ["a star", "a cross"], "prompt": ["x", "y"], "n": [1, 2]}).to_parquet(
        tmp_path / "t.parquet"
    )
    (tmp_path / "t.csv").write_text('n,prompt,image\n1,a star,"[no, JSON"\n2,,\n')
    take = "prompts: {{file: {}, column: {}, first: {}}}"
    assert [row.prompt for row in spec_of(take.format("t.parquet", "caption", 2)).rows] == ["a star", "a cross"]
    assert [row.prompt for row in spec_of("prompts: {file: t.parquet}").rows] == ["x", "y"]
    assert [row.prompt for row in spec_of(take.format("t.csv", "prompt", 1)).rows] == ["a star"]


ONE_FAULT = [
    ("inputs: []", "inputs", "the list is empty"),
    ("inputs: {prompt: a}", "inputs", "is no file name"),
    ("inputs: [a star]", "inputs[0]", "'a star' is no row"),
    ("inputs: [{}]", "inputs[0]", "is no row"),
    ("inputs: [{prompt: a, promt: b}]", "inputs[0].promt", "unknown key"),
    ("inputs: [{seed: 1}]", "inputs[0]", "the row has no prompt"),
    ("inputs: [{prompt: ' '}]", "inputs[0].prompt", "' ' is no prompt"),
    ("inputs: [{prompt: a, negative_prompt: 3}]", "inputs[0].negative_prompt", "3 is no prompt"),
    ("inputs: [{prompt: a, seed: -1}]", "inputs[0].seed", "seed -1 is no whole number"),
    ("inputs: [{prompt: a, seed: true}]", "inputs[0].seed", "seed True is no whole number"),
    ("inputs: [{prompt: a, id: a b}]", "inputs[0].id", "id 'a b' will not do"),
    ("inputs: [{prompt: a}, {prompt: b}, {prompt: a}]", "inputs[2]", "'a' stands there twice"),
    ("inputs: [{prompt: a, id: 7}, {prompt: b, id: 7}]", "inputs[1]", "id '7' already means another prompt"),
    ("inputs: table.xls", "inputs", "table.xls is no table that can be read"),
    ("inputs: unknown.jsonl", "inputs", "unknown.jsonl:2 has an unknown column 'promt'"),
    ("inputs: number.jsonl", "inputs", "number.jsonl:2: 3 is no row"),
    ("inputs: cut.jsonl", "inputs", "cut.jsonl:1 cannot be read: "),
    ("inputs: nan.jsonl", "inputs", "NaN is no number"),
    ("inputs: half.jsonl", "inputs", "half.jsonl:1 cannot be read: "),
    ("inputs: deep.jsonl", "inputs", "deep.jsonl:1 cannot be read: "),
    ("inputs: empty.jsonl", "inputs", "empty.jsonl is empty"),
    ("inputs: text.parquet", "inputs", "text.parquet cannot be read: "),
    ("inputs: cut.parquet", "inputs", "cut.parquet cannot be read: "),
    ("inputs: none.parquet", "inputs", "none.parquet has no rows"),
    ("inputs: index.parquet", "inputs", "index.parquet has an unknown column 'promt'"),
    ("inputs: many.parquet", "inputs", "many.parquet has 1,000,001 rows"),
    ("inputs: float.parquet", "inputs", "float.parquet:2: seed 1.5 is no whole number"),
    ("inputs: twice.csv", "inputs", "twice.csv has the column 'prompt' twice"),
    ("inputs: twice.parquet", "inputs", "twice.parquet has the column 'prompt' twice"),
    ("inputs: commas.tsv", "inputs", "commas.tsv has an unknown column 'prompt,seed'"),
    ("prompts: {file: two.txt, column: prompt}", "prompts.column", "has no columns"),
    ("prompts: {file: twice.csv, column: 3}", "prompts.column", "3 is no column"),
    ("prompts: {file: names.csv}", "prompts.file", "names.csv has no column `prompt`"),
    ("prompts: {file: names.csv, column: nme}", "prompts.file", "names.csv has no column `nme`"),
    ("prompts: {file: names.csv, column: age}", "prompts.file", "names.csv:3 has no prompt"),
    ("prompts: {file: names.csv, column: name, first: 3}", "prompts.first", "the file has 2 prompts, not 3"),
    ("prompts: {file: numbers.jsonl}", "prompts.file", "numbers.jsonl:1: 3 is no prompt"),
    ("prompts: a\nresize: 3x", "resize", "is no rule for resizing"),
    ("prompts: a\nresize: 768", "resize", "is no rule for resizing"),
    ("prompts: a\nresize: 768x9000", "resize", "is out of bounds"),
    ("prompts: a\nresize: {crop: 4}", "resize", "is out of bounds"),
    ("prompts: a\nresize: {crop: 64x64}", "resize", "is out of bounds"),
    ("prompts: a\nresize: {crop: 64, thumbnail: 64}", "resize", "is no rule for resizing"),
    ("prompts: a\nmask_convention: blck", "mask_convention", "'blck' is no convention for masks"),
    ("prompts: a\nallow_urls: 1", "allow_urls", "1 will not do"),
    ("prompts: a\nnormalise_weights: 'yes'", "normalise_weights", "'yes' will not do"),
]


@pytest.fixture
def _files(tmp_path: Path) -> None:
    for name, content in {
        "two.txt": "a star\na cross\n", "table.xls": "prompt\na\n",
        "unknown.jsonl": '{"prompt": "a"}\n{"prompt": "b", "promt": 1}\n{"prompt": "c", "promt": 1}',
        "number.jsonl": '{"prompt": "a"}\n3', "cut.jsonl": '{"prompt": "a"\n{"prompt": "b"}',
        "nan.jsonl": '{"prompt": "a", "weights": [NaN]}', "half.jsonl": '{"prompt": "\\ud800"}',
        "deep.jsonl": "[" * 100_000, "empty.jsonl": " \n", "text.parquet": "prompt\na\n",
        "twice.csv": "prompt,prompt\na,b\n", "commas.tsv": "prompt,seed\na,1\n", "names.csv": "name,age\nA,1\nB,\n",
        "numbers.jsonl": '{"prompt": 3}',
    }.items():  # fmt: skip
        (tmp_path / name).write_text(content)
    pd.DataFrame({"prompt": []}).to_parquet(tmp_path / "none.parquet")
    pd.DataFrame({"prompt": ["a"], "promt": ["b"]}).to_parquet(tmp_path / "index.parquet")
    pd.DataFrame({"prompt": ["a", "b"], "seed": [1.0, 1.5]}).to_parquet(tmp_path / "float.parquet")
    pd.DataFrame({"prompt": ["a"] * 1_000_001}).to_parquet(tmp_path / "many.parquet")
    pq.write_table(pa.table([["a"], ["b"]], names=["prompt", "prompt"]), tmp_path / "twice.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "float.parquet").read_bytes()[:-50])


@pytest.mark.usefixtures("_files")
def test_what_is_wrong_with_tables(faults_of: Faults) -> None:
    for text, path, part in ONE_FAULT:
        found = [(fault.path, fault.happened, fault.missing) for fault in faults_of(text)]
        if text == "inputs: commas.tsv":
            assert found.pop()[1] == "commas.tsv has no column `prompt`"
        assert [(one, part in told, missing) for one, told, missing in found] == [(path, True, False)], (text, found)


def test_the_nearest_name_is_told(faults_of: Faults) -> None:
    (fault,) = faults_of("inputs: [{prompt: a, imgae: b.png}]")
    assert fault.nearest == "image"


def test_a_broken_row_hides_no_other_fault(faults_of: Faults, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"prompt": "a"\n{"seed": 1}\n4\n')
    assert [fault.happened.partition(" ")[0] for fault in faults_of("inputs: a.jsonl")] == [
        "a.jsonl:1", "a.jsonl:3:", "a.jsonl:2",
    ]  # fmt: skip


def test_only_parquet_and_worlds_import_anything_heavy(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"prompt": "a", "mix": ["a", "b"]}')
    (tmp_path / "a.yaml").write_text("inputs: a.jsonl")
    program = (
        f"import sys; from harness.spec.load import load_spec; load_spec({str(tmp_path / 'a.yaml')!r});"
        "assert {'torch', 'numpy', 'pandas', 'pyarrow', 'PIL', 'urllib.request'}.isdisjoint(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


_TEXTS = ["", " ", "a", "alpha", "estimate", "world:", "world:a#3", "box:", "box:1,2,3,4", "http://x", "\0", "~x", "é"]
_FORMS = st.sampled_from(["file", "folder", "first", "url", "world", "seed", "box", "text"])
_CELLS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(_TEXTS)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_FORMS, inner, max_size=2)),
    max_leaves=5,
)
_TABLES = st.lists(st.dictionaries(st.sampled_from(COLUMNS), _CELLS), max_size=3)


@settings(max_examples=80)
@given(rows=_TABLES, kind=st.sampled_from(["csv", "jsonl"]))
def test_any_cells_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, rows: list[Any], kind: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    text = "\n".join(map(json.dumps, rows)) if kind == "jsonl" else _csv(rows, ",") if rows else ""
    (folder / f"any.{kind}").write_text(text, encoding="utf-8")
    (folder / "any.yaml").write_text(f"inputs: any.{kind}\n")
    try:
        told = bool(load_spec(str(folder / "any.yaml")).rows)
    except HarnessError as error:
        told = bool(str(error).encode())
    assert told
