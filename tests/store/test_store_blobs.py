"""What is put is what is got; what was damaged is absent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.base import digest
from harness.errors import StoreError
from harness.store.blobs import QUARANTINE, STAGES, Blobs
from harness.store.store import Store

KEY = digest("a key")
WRITE_MANY = """
import sys
from pathlib import Path
from harness.store.blobs import Blobs
blobs = Blobs(Path(sys.argv[1]))
for i in range(60):
    blobs.put("images", sys.argv[2], sys.argv[3].encode() * 20_000)
    assert blobs.has("images", sys.argv[2])
    content = blobs.get("images", sys.argv[2])
    assert len(set(content)) == 1, "torn"
"""


@given(
    stage=st.sampled_from(STAGES), name=st.text(max_size=5), data=st.binary(max_size=3000), later=st.binary(max_size=9)
)
def test_what_is_put_is_got_and_the_last_put_stays(
    tmp_path_factory: pytest.TempPathFactory, stage: str, name: str, data: bytes, later: bytes
) -> None:
    blobs = Blobs(tmp_path_factory.getbasetemp() / "blobs")
    key = digest(name)
    blobs.put(stage, key, data)
    assert (blobs.has(stage, key), blobs.get(stage, key), blobs.find(stage, key)) == (True, data, data)
    blobs.put(stage, key, later)
    assert blobs.get(stage, key) == later


@given(data=st.binary(min_size=1, max_size=300), place=st.integers(min_value=0), flip=st.integers(1, 255))
def test_no_changed_byte_is_read_as_good(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, place: int, flip: int
) -> None:
    blobs = Blobs(tmp_path_factory.getbasetemp() / "blobs")
    blobs.put("prior", KEY, data)
    path = blobs.path("prior", KEY)
    changed = bytearray(path.read_bytes())
    changed[place % len(changed)] ^= flip
    path.write_bytes(changed)
    assert blobs.find("prior", KEY) is None
    assert not path.exists()


@given(data=st.binary(min_size=1, max_size=300), kept=st.integers(min_value=0))
def test_no_torn_file_is_there(tmp_path_factory: pytest.TempPathFactory, data: bytes, kept: int) -> None:
    blobs = Blobs(tmp_path_factory.getbasetemp() / "blobs")
    blobs.put("prior", KEY, data)
    path = blobs.path("prior", KEY)
    whole = path.read_bytes()
    path.write_bytes(whole[: kept % len(whole)])
    assert not blobs.has("prior", KEY)
    assert path.with_name(KEY + QUARANTINE).exists()


def test_reading_a_damaged_result_puts_it_aside_so_that_it_is_made_again(store: Store) -> None:
    store.put("features", KEY, b"content")
    path = store.path("features", KEY)
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    with pytest.raises(StoreError, match="damaged and was put aside"):
        store.get("features", KEY)
    assert not store.has("features", KEY)
    store.put("features", KEY, b"made again")
    assert store.get("features", KEY) == b"made again"


def test_an_absent_result_says_so(store: Store) -> None:
    assert store.find("timing", KEY) is None
    with pytest.raises(StoreError, match=r"timing result .* is not there") as caught:
        store.get("timing", KEY)
    assert "made again" in caught.value.do


@pytest.mark.parametrize(
    ("stage", "key"),
    [("images", "../../secret"), ("images", KEY[:-1]), ("images", KEY.upper()), ("images", KEY + "\n"), ("..", KEY)],
)
def test_no_path_leads_out_of_the_store(store: Store, stage: str, key: str) -> None:
    for call in (store.has, store.get, store.path, store.find):
        with pytest.raises(StoreError, match="no place in a store"):
            call(stage, key)
    with pytest.raises(StoreError, match="no place in a store"):
        store.put(stage, key, b"")


def test_processes_writing_one_key_at_once_never_show_a_torn_one(tmp_path: Path) -> None:
    commands = [[sys.executable, "-c", WRITE_MANY, str(tmp_path), KEY, letter] for letter in "abc"]
    writers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
    assert set(Blobs(tmp_path).get("images", KEY)) <= set(b"abc")
    assert len(list(Blobs(tmp_path).path("images", KEY).parent.iterdir())) == 1


def test_a_place_that_cannot_be_read_is_a_store_error_and_not_an_absence(store: Store) -> None:
    store.path("images", KEY).mkdir(parents=True)
    for call in (store.has, store.get, store.find):
        with pytest.raises(StoreError, match="could not read"):
            call("images", KEY)
