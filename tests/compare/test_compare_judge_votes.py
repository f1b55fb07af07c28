"""Files of votes: what a page saves is read, and everything else is refused as a whole, with the line of each fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.compare_runs import keep
from support.votes import save_votes

from harness.compare.judge.types import Key
from harness.compare.judge.votes import LARGEST_BYTES, read_ballot
from harness.compare.judge.whole import Asked, count_votes, make_page
from harness.errors import HarnessError, MissingError, StoreError, UsageError
from harness.store.store import Store


@pytest.fixture
def key(store: Store) -> Key:
    """Of a page of eight prompts."""
    keep(store, "main", rows=8)
    return make_page(store, Asked("main", seed=1)).told


def _file(tmp_path: Path, key: Key, change: Callable[[dict[str, Any]], None]) -> Path:
    file = save_votes(tmp_path / "votes.json", key, lambda _: "left")
    content = json.loads(file.read_text())
    change(content)
    head = json.dumps({name: value for name, value in content.items() if name != "votes"})[:-1]
    lines = ",\n".join(map(json.dumps, content["votes"])) if isinstance(content.get("votes"), list) else ""
    tail = f', "votes": [\n{lines}\n]}}\n' if lines else f', "votes": {json.dumps(content.get("votes", []))}}}'
    file.write_text(head + tail)
    return file


def test_what_a_page_saved_is_read(tmp_path: Path, key: Key) -> None:
    ballot = read_ballot(_file(tmp_path, key, lambda _: None))
    assert ballot.page == key.page and len(ballot.votes) == len(key.pairs) == 10
    assert ballot.voter.words == "voter 0000"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c["votes"][3].update(choice="both"), "line 5: the choice is 'both', none of left, right, tie"),
        (lambda c: c["votes"][0].update(seconds=-1), "line 2: seconds is -1, no time of a day at most"),
        (lambda c: c["votes"][0].update(seconds=True), "line 2: seconds is True"),
        (lambda c: c["votes"][2].pop("pair"), "line 4: the vote has no 'pair'"),
        (
            lambda c: c["votes"][2].update(weight=5),
            "line 4: the vote has 'weight', which is nothing that a page writes",
        ),
        (lambda c: c["votes"].insert(1, 7), "line 3: the vote is no object"),
        (lambda c: c.update(format="other"), "its format is 'other'"),
        (lambda c: c.update(version=2), "it is of version 2, and this harness reads 1"),
        (lambda c: c.update(page="../../store"), "'../../store' is no page's id"),
        (lambda c: c.update(page=["a"]), "is no page's id"),
        (lambda c: c["voter"].update(id="Ann"), "'Ann' is no voter's id"),
        (lambda c: c["voter"].update(name="x" * 61), "is no name of at most 60 printable characters"),
        (lambda c: c["voter"].update(name="\x1b[2J"), "is no name"),
        (lambda c: c.update(voter="Ann"), "the voter is no object"),
        (lambda c: c.update(saved_ms="now"), "saved_ms is 'now', no time"),
        (lambda c: c.update(votes={}), "its votes are no list"),
        (lambda c: c.pop("saved_ms"), "the file has no 'saved_ms'"),
        (lambda c: c.update(more=1), "the file has 'more'"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path: Path, key: Key, change: Any, told: str) -> None:
    with pytest.raises(UsageError) as error:
        read_ballot(_file(tmp_path, key, change))
    assert told in str(error.value) and "none of it counts" in str(error.value)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"{", "line 1: it is no JSON"),
        (b'{"a": 1,\n "a": 2}', "a name stands twice"),
        (b'{"a": NaN}', "NaN is no number"),
        (b"[" * 100_000, "it is no JSON of ours"),
        (b"\xff\xfe\x00", "it is no text in UTF-8"),
        (b"[]", "the file is no object"),
        (b" " * (LARGEST_BYTES + 1), "it is larger than 5 MB"),
    ],
)
def test_what_is_no_file_of_votes_is_refused(tmp_path: Path, data: bytes, told: str) -> None:
    (tmp_path / "votes.json").write_bytes(data)
    with pytest.raises(UsageError, match=told):
        read_ballot(tmp_path / "votes.json")


def test_no_more_than_ten_faults_are_told(tmp_path: Path, key: Key) -> None:
    def all_wrong(content: dict[str, Any]) -> None:
        content["votes"] = [{"pair": "x", "choice": 1, "seconds": 0}] * 25

    with pytest.raises(UsageError, match="and 15 more"):
        read_ballot(_file(tmp_path, key, all_wrong))


def test_an_unknown_pair_is_refused_with_its_line(tmp_path: Path, key: Key, store: Store) -> None:
    file = _file(tmp_path, key, lambda c: c["votes"][4].update(pair="0123456789ab"))
    with pytest.raises(UsageError, match=r"line 6: the page \w+ has no pair '0123456789ab'"):
        count_votes(store, "main", [file])


def test_votes_of_another_page_or_run_are_refused(tmp_path: Path, key: Key, store: Store) -> None:
    keep(store, "other", rows=8, anew=True)
    mine, theirs = (
        save_votes(tmp_path / f"{name}.json", page, lambda _: "left")
        for name, page in (("a", key), ("b", make_page(store, Asked("other", seed=1)).told))
    )
    with pytest.raises(UsageError, match=r"shows the run .*main.*, not .*other"):
        count_votes(store, "other", [mine])
    with pytest.raises(UsageError, match="of 2 pages"):
        count_votes(store, "main", [mine, theirs])
    with pytest.raises(MissingError, match="no key of the page 0123456789abcdef"):
        count_votes(store, "main", [_file(tmp_path, key, lambda c: c.update(page="0123456789abcdef"))])
    with pytest.raises(MissingError, match="There is no file"):
        count_votes(store, "main", [tmp_path / "none.json"])


@pytest.mark.parametrize("damage", [b"{", b"{}", b'{"format": "kandinsky-harness judge key", "version": 9}'])
def test_a_damaged_key_is_told(tmp_path: Path, key: Key, store: Store, damage: bytes) -> None:
    file = save_votes(tmp_path / "votes.json", key, lambda _: "left")
    (store.root / "judge" / f"{key.page}.json").write_bytes(damage)
    kind: type[HarnessError] = StoreError
    with pytest.raises(kind, match=r"is damaged|of version 9"):
        count_votes(store, "main", [file])
