"""Secrets in the environment, in addresses and in errors' words: none is shown, and nothing else is lost."""

from __future__ import annotations

import pytest
from support.doctor import healthy

from harness.run.doctor.hiding import hidden
from harness.run.doctor.types import Examination, Row

VARIABLES = {
    "HF_TOKEN": "hf_abcdefghijklmnop", "AWS_SECRET_ACCESS_KEY": "s3cr3t/with+signs", "MY_TOKEN": "1",
    "MLFLOW_TRACKING_PASSWORD": "open sesame", "TOKENIZERS_PARALLELISM": "false", "KEYBOARD": "qwertyuiop",
    "OPENAI_API_KEY": "longer-s3cr3t/with+signs",
}  # fmt: skip


def _shown(text: str) -> str:
    facts = healthy(torch_reason=text, torch={"nested": [{"deep": text}]})
    row = Row(catalog="miniature", name=text, status="open")
    found = hidden(Examination(harness="1", facts=facts, miniature=row, rows=(row,)), VARIABLES)
    assert found.facts.torch is not None
    places = (found.facts.torch["nested"][0]["deep"], found.rows[0].name, found.facts.torch_reason)
    assert set(places) == {found.miniature.name}
    return found.miniature.name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("token hf_abcdefghijklmnop refused", "token *** refused"),
        ("another's hf_ZYXWVUTSRQPO98", "another's ***"),
        ("GET /?key=s3cr3t%2Fwith%2Bsigns", "GET /?key=***"),
        ("key longer-s3cr3t/with+signs", "key ***"),
        ("proxy http://me:open@proxy:80/ refused", "proxy http://***@proxy:80/ refused"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("say open sesame", "say ***"),
    ],
)
def test_a_secret_is_not_shown(text: str, shown: str) -> None:
    assert _shown(text) == shown


@pytest.mark.parametrize(
    "text", ["false 1 qwertyuiop", "https://huggingface.co/a@b", "hf_home and hf download", "basic box"]
)
def test_what_is_no_secret_is_shown(text: str) -> None:
    assert _shown(text) == text


def test_nothing_else_of_an_examination_changes() -> None:
    whole = Examination(harness="1", facts=healthy(), miniature=Row(catalog="a", name="b", status="open"), rows=())
    assert hidden(whole, {}) == whole
