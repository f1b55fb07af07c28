"""Bad input: a paragraph with what to do, the design's exit code, no traceback, nothing lost."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ExitCode, StoreError
from harness.store.store import Store

Harness = Callable[..., Any]
USAGE, MISSING, STORE = ExitCode.USAGE, ExitCode.MISSING, ExitCode.STORE
SPECS = {
    "good.yaml": "prompts: [a red star]",
    "no-prompts.yaml": "prompts: {file: no-such-file.txt}",
    "no-model.yaml": "prompts: [a]\nmodel: ./no-such-folder",
    "bad-key.yaml": "prompts: [a]\nguidance: 3\nsedes: 1",
    "no-yaml.yaml": "a: [",
    "bytes.yaml": "\xff\xfe",
}


@pytest.fixture(autouse=True)
def _specs(_a_folder_of_its_own: None) -> None:
    for name, text in SPECS.items():
        Path(name).write_text(text, encoding="latin-1")
    Path("folder.yaml").mkdir()
    Path("a-file").write_text("no store")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("plan nothing", MISSING, "no spec 'nothing'"),
        ("plan quikstart", MISSING, "did you mean quickstart"),
        ("plan nothing.yaml", MISSING, "No such file"),
        ("plan folder.yaml", MISSING, "Is a directory"),
        ("plan no-prompts.yaml", MISSING, "no-such-file.txt cannot be read"),
        ("plan no-model.yaml", MISSING, "no model folder"),
        ("plan bad-key.yaml", USAGE, "bad-key.yaml:3: sedes: unknown key"),
        ("plan no-yaml.yaml", USAGE, "no-yaml.yaml"),
        ("plan bytes.yaml", USAGE, "not UTF-8"),
        ("run no-prompts.yaml", MISSING, "no-such-file.txt cannot be read"),
        ("run no-model.yaml", MISSING, "no model folder"),
        ("run bad-key.yaml", USAGE, "did you mean"),
        ("run good.yaml --devices x", USAGE, "no list of devices"),
        ("plan quickstart --only scheduler", USAGE, "not of the form KNOB=VALUE"),
        ("plan quickstart --only =DDIM", USAGE, "not of the form KNOB=VALUE"),
        ("plan quickstart --only sched=DDIM", USAGE, "'sched' is no knob"),
        ("plan quickstart --only scheduler=Eulr", USAGE, "no cell has it"),
        ("plan quickstart --limit 0", USAGE, "not in the range"),
        ("plan quickstart --device tpu", USAGE, "there is no 'tpu'"),
        ("plan quickstart --frehs", USAGE, "No such option"),
        ("plan", USAGE, "Missing argument 'SPEC'"),
        ("plna quickstart", USAGE, "Did you mean 'plan'"),
        ("ls --store a-file", STORE, "a-file is a file, and no store"),
        ("status --store a-file", STORE, "a-file is a file, and no store"),
        ("plan quickstart --store a-file", STORE, "a-file is a file, and no store"),
        ("run good.yaml --store a-file", STORE, "a-file is a file, and no store"),
        ("run good.yaml --store folder.yaml/../a-file/below", STORE, "could not write"),
        ("run good.yaml --store .", STORE, "holds files, and no store"),
        ("status latest", MISSING, "There is no store in runs"),
        ("show a b", MISSING, "There is no store in runs"),
        ("report a", MISSING, "There is no store in runs"),
        ("track a", MISSING, "There is no store in runs"),
        ("store du", MISSING, "There is no store in runs"),
        ("store gc", MISSING, "There is no store in runs"),
        ("store check", MISSING, "There is no store in runs"),
    ],
)
def test_what_is_asked_for_is_not_there(harness: Harness, arguments: str, code: ExitCode, words: str) -> None:
    said = harness(*arguments.split())
    assert (said.code, said.out) == (code, "")
    assert words in said.err
    assert not Path("runs").exists() or not list(Path("runs").glob("runs/*"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("status nothing", "There is no run 'nothing'"),
        ("status othre", "did you mean other"),
        ("status 2026", "3 runs begin with '2026'"),
        ("show nothing DDIM", "There is no run 'nothing'"),
        ("show other UniPC", "No cell matches 'UniPC'"),
        ("show other 10", "Several cells match '10'"),
        ("show other DDIM --code --row p9", "no input row 'p9'"),
        ("report nothing", "There is no run 'nothing'"),
        ("track nothing", "There is no run 'nothing'"),
        ("store gc --keep nothing", "There is no run 'nothing'"),
    ],
)
def test_a_run_or_cell_that_is_not_there_is_told_with_those_that_are(
    harness: Harness, store: Store, arguments: str, words: str
) -> None:
    said = harness(*arguments.split())
    assert said.code == MISSING and words in said.err
    assert "What to do" in said.err or "Expected" in said.err


def test_a_report_that_cannot_be_written_says_where_and_loses_nothing(harness: Harness, store: Store) -> None:
    for arguments in (("report", "other", "--out", "a-file"), ("show", "other", "DDIM", "--out", "a-file/strip.png")):
        said = harness(*arguments)
        assert said.code == STORE and "a-file" in said.err, said.err
    assert Path("a-file").read_text() == "no store"
    assert len(store.run_ids()) == 3


VERBS = ("ls", "status", "status other", "show other DDIM", "report other", "track other", "store du", "store gc",
         "store check", "plan quickstart", "run good.yaml")  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_a_store_of_a_newer_version_is_not_touched(harness: Harness, store: Store, verb: str) -> None:
    (store.root / "store.json").write_text('{"layout": 99}')
    before = sorted(store.root.rglob("*"))
    said = harness(*verb.split())
    assert (said.code, said.out) == (STORE, "")
    assert "newer version (layout 99)" in said.err and "update kandinsky-harness" in said.err
    assert sorted(store.root.rglob("*")) == before


@pytest.mark.parametrize(
    "content", ['{"schema_version": 1, "run', '{"schema_version": 1}', '{"schema_version": 99}', ""]
)
def test_a_damaged_record_stops_what_needs_it_and_nothing_else(harness: Harness, store: Store, content: str) -> None:
    (store.root / "runs" / store.run_ids()[0] / "run.json").write_text(content)
    for verb in ("status which-scheduler", "report which-scheduler", "store gc", "store check"):
        said = harness(*verb.split())
        assert said.code == STORE and "run.json" in said.err + said.out, verb
    for verb in ("ls", "status other", "show other DDIM", "store du", "plan quickstart"):
        assert harness(*verb.split()).code == 0, verb
    listed = json.loads(harness("status", "--json").out)
    assert [item["status"] for item in listed] == ["unreadable", "failed-cells", "interrupted"]


def test_a_run_s_folder_with_another_name_is_listed(harness: Harness, store: Store) -> None:
    shutil.copytree(store.root / "runs" / store.run_ids()[0], store.root / "runs" / "backup")
    (store.root / "runs" / "backup" / "run.json").write_text("{")
    said = harness("ls")
    assert said.code == 0 and re.search(r"^backup +unreadable", said.out, re.MULTILINE)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(28, "No space left on device"), STORE, "free space and repeat"),
        (StoreError("The store could not write.", do="free space"), STORE, "What to do: free space"),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED, "the same command continues"),
        (ZeroDivisionError("deep inside"), USAGE, "this is a defect; please report it"),
    ],
)
def test_what_happens_inside_leaves_with_the_design_s_code(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: ExitCode, words: str
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr("harness.cli.verbs.planned", fail)
    said = harness("run", "quickstart")
    assert said.code == code and words in said.err
    log = re.search(r"report it with (\S+\.log)", said.err)
    assert (log is not None) == isinstance(error, ZeroDivisionError)
    if log:
        assert "ZeroDivisionError: deep inside" in Path(log[1]).read_text()
        Path(log[1]).unlink()
