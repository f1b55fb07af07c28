"""Addresses are shown without their secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.track.destination import destination, without_userinfo

WORD = st.text(alphabet="abcdefXYZ0189._~%-", min_size=12, max_size=20)


def test_the_default_is_a_database_in_the_store(tmp_path: Path) -> None:
    where = destination(tmp_path / "a store", None)
    assert where.database == tmp_path / "a store" / "mlflow.db"
    assert where.uri == f"sqlite:///{tmp_path}/a store/mlflow.db"
    assert where.artifact_location == (tmp_path / "a store" / "mlflow-artifacts").as_uri()
    assert where.page("1", "2") is None


def test_a_database_of_the_persons_own_has_its_artifacts_beside_it(tmp_path: Path) -> None:
    where = destination(tmp_path, f"sqlite:///{tmp_path}/lab/all%20runs.db")
    assert where.database == tmp_path / "lab" / "all runs.db"
    assert where.artifact_location == (tmp_path / "lab" / "mlflow-artifacts").as_uri()


def test_a_server_keeps_its_own_artifacts_and_has_pages(tmp_path: Path) -> None:
    where = destination(tmp_path, "https://host:5000/mlflow/")
    assert (where.database, where.artifact_location) == (None, None)
    assert where.page("7", "abc") == "https://host:5000/mlflow/#/experiments/7/runs/abc"


@given(user=WORD, password=WORD, token=WORD)
def test_no_secret_is_shown(user: str, password: str, token: str) -> None:
    where = destination(Path("store"), f"https://{user}:{password}@host/path?token={token}")
    message = f"API request to {where.uri} failed; also tried http://{user}:{password}@other/x"
    for text in (where.shown, str(where.page("1", "2")), where.without_secrets(message)):
        assert not {secret for secret in (user, password, token) if secret in text}
    assert where.shown == "https://host/path"
    assert where.without_secrets(message) == "API request to https://host/path failed; also tried http://other/x"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("run q --tracking-uri http://me:pw@host:1/x --name a", "run q --tracking-uri http://host:1/x --name a"),
        ("mail me@host about http://host/a@b", "mail me@host about http://host/a@b"),
        ("nothing", "nothing"),
    ],
)
def test_only_userinfo_is_taken_out(text: str, shown: str) -> None:
    assert without_userinfo(text) == shown
