"""The hub within and out of reach, asked for real over sockets of this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants
from support.hub import hub as serve

from harness.run.doctor import hub as told
from harness.run.doctor.hub import free_bytes, hub, without_credentials

REPOSITORY = "kandinsky-community/kandinsky-2-2-decoder"


@pytest.fixture(autouse=True)
def _online(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Asking is allowed, of nobody yet, and there is neither a token nor a proxy."""
    for name in (
        "HF_HUB_OFFLINE",
        "TRANSFORMERS_OFFLINE",
        "HF_TOKEN",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of somebody who takes a call and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def _at(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", address)


def test_a_hub_that_gives_the_repository_is_reached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / REPOSITORY).mkdir(parents=True)
    (tmp_path / REPOSITORY / "README.md").write_text("a model")
    with serve(tmp_path) as made:
        _at(monkeypatch, made.address)
        found = hub()
    assert (found.reached, found.reason, found.endpoint, found.token) == (True, None, made.address, False)


def test_a_hub_that_withholds_the_repository_is_reached_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serve(tmp_path) as made:
        _at(monkeypatch, made.address)
        found = hub()
    assert found.reached and found.reason == f"it answers 404 for {REPOSITORY}"


def test_a_port_that_nobody_listens_on_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    _at(monkeypatch, f"http://127.0.0.1:{port}")
    found = hub()
    assert found.reached is False and "refused" in str(found.reason)


def test_a_hub_that_says_nothing_is_waited_for_only_so_long(monkeypatch: pytest.MonkeyPatch, silent: str) -> None:
    _at(monkeypatch, silent)
    found = hub(0.2)
    assert found.reached is False and found.reason


def test_a_name_that_is_looked_up_for_ever_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's look-up knows no time limit."""
    release = threading.Event()

    def ask(_: float) -> tuple[bool, str | None]:
        release.wait()
        return True, None

    monkeypatch.setattr(told, "_ask", ask)
    found = hub(0.05)
    release.set()
    assert (found.reached, found.reason) == (False, "no answer within 0.05 s")


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_is_respected(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def never(_: float) -> tuple[bool, str | None]:
        raise AssertionError("the hub was asked")

    monkeypatch.setenv(name, "1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(told, "_ask", never)
    found = hub()
    assert (found.reached, found.offline_by, found.reason) == (None, name, f"{name} is set")


def test_that_there_is_a_token_is_told_and_no_more(
    monkeypatch: pytest.MonkeyPatch, silent: str, tmp_path: Path
) -> None:
    _at(monkeypatch, silent)
    (tmp_path / "token").write_text("hf_fromAFile123456")
    assert hub(0.1).token
    (tmp_path / "token").unlink()
    monkeypatch.setenv("HF_TOKEN", "hf_fromTheEnvironment1")
    found = hub(0.1)
    assert found.token and "hf_from" not in found.model_dump_json()


def test_an_address_is_shown_without_its_password() -> None:
    assert without_credentials("https://me:pass@mirror.example/hub?token=1") == "https://mirror.example/hub"
    assert without_credentials("https://huggingface.co") == "https://huggingface.co"


def test_space_is_that_of_the_disk_where_a_folder_would_be(tmp_path: Path) -> None:
    there, would_be = free_bytes(tmp_path), free_bytes(tmp_path / "a" / "b")
    assert there and would_be and abs(there - would_be) < 1 << 30
