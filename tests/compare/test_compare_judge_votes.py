"""Files of votes: what a page saves is read, and everything else is refused as a whole, with the line of each fault."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.compare_runs import keep
from support.votes import save_votes

from harness.compare.judge import votes as votes_module
from harness.compare.judge.rendering import render
from harness.compare.judge.types import VOTES_FORMAT, Key
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
        (lambda c: c["voter"].update(name="x" * 61), "is no name of at most 60 characters"),
        (lambda c: c["voter"].update(name=7), "7 is no name"),
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
        (b"", "it is empty"),
        (b" \n", "it is empty"),
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


def test_unprintable_letters_of_a_name_are_replaced(tmp_path: Path, key: Key) -> None:
    ballot = read_ballot(_file(tmp_path, key, lambda c: c["voter"].update(name=" Ann\x1b[2J\u202e\ud800 ")))
    assert ballot.voter.name == "Ann\ufffd[2J\ufffd\ufffd" and ballot.voter.name.isprintable()


def test_an_escaped_key_is_the_same_key_and_its_lines_are_told(tmp_path: Path, key: Key) -> None:
    file = _file(tmp_path, key, lambda c: c["votes"][3].update(choice="both"))
    text = file.read_text()
    file.write_text(text.replace('"votes":', '"vot\\u0065s":'))
    assert '"vot\\u0065s":' in file.read_text()
    with pytest.raises(UsageError, match="line 5: the choice is 'both'"):
        read_ballot(file)
    file.write_text('{"note": "\\"votes\\": [",\n' + text[1:])  # the word inside a text is no key
    with pytest.raises(UsageError, match="the file has 'note'"):
        read_ballot(file)


def test_the_votes_need_not_stand_last(tmp_path: Path, key: Key) -> None:
    content = json.loads(_file(tmp_path, key, lambda c: c["votes"][1].update(choice="both")).read_text())
    file = tmp_path / "first.json"
    file.write_text(json.dumps({"votes": content.pop("votes"), **content}, indent=1))
    with pytest.raises(UsageError, match="line 8: the choice is 'both'"):
        read_ballot(file)


def test_more_votes_than_pairs_are_refused(tmp_path: Path, key: Key, store: Store) -> None:
    file = _file(tmp_path, key, lambda c: c["votes"].append(c["votes"][0]))
    with pytest.raises(UsageError, match=r"it holds 11 votes, and the page \w+ has 10 pairs"):
        count_votes(store, "main", [file])


def test_a_file_without_a_vote_is_told_as_such(tmp_path: Path, key: Key, store: Store) -> None:
    found = count_votes(store, "main", [_file(tmp_path, key, lambda c: c["votes"].clear())])
    told = render(found)
    assert "No pair was judged: the files hold no vote that counts." in told
    assert f"No vote is in {tmp_path / 'votes.json'}, which voter 0000 saved." in told
    assert "steady" not in told.splitlines()[1]


def test_lines_are_counted_once(tmp_path: Path, key: Key) -> None:
    """Of many votes on one line each: reading from the beginning for each of them would take hours."""
    vote = '{"pair": "x", "choice": "left", "seconds": 0}'
    head = json.dumps({"format": VOTES_FORMAT, "version": 1, "page": key.page, "saved_ms": 1,
                       "voter": {"id": "0" * 16, "name": ""}})[:-1]  # fmt: skip
    text = f'{head}, "votes": [\n' + ",\n".join([vote] * 80_000) + "]}"
    counted = _Counted(text)
    assert votes_module._lines_of_votes(counted, 80_000)[-1] == 80_001
    assert counted.looked <= len(text)


class _Counted(str):
    """A text that counts how many of its letters were looked at for line breaks."""

    looked = 0

    def count(self, what: str, *ends: int) -> int:  # type: ignore[override]
        self.looked += ends[1] - ends[0]
        return super().count(what, *ends)


def test_the_example_of_the_documentation_is_a_good_file(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/judge.md").read_text(encoding="utf-8")
    example = page.partition("### The format")[2].partition("```json\n")[2].partition("```")[0]
    (tmp_path / "votes.json").write_text(example, encoding="utf-8")
    ballot = read_ballot(tmp_path / "votes.json")
    assert [vote.choice for vote in ballot.votes] == ["left", "tie"] and ballot.voter.words == "Ann"
    named = set(re.findall(r"`([a-z_.\[\]]+)`", page.partition("| key |")[2].partition("\n\n")[0]))
    assert {"page", "voter.id", "voter.name", "saved_ms", "votes[].pair", "votes[].choice", "votes[].seconds"} <= named
