"""Secrets stay secret: no value of a variable that holds one, no token and no password of an address is shown."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from harness.run.doctor.types import Examination

HIDDEN = "***"
_SHORTEST = 6  # a shorter value is more likely a switch, and would blot out half of the text
_SECRET = re.compile(r"(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|API_?KEY|ACCESS_?KEY|KEY)S?(_|$)")
_SHAPES = (
    (re.compile(r"\bhf_[A-Za-z0-9]{8,}"), HIDDEN),
    (re.compile(r"(://)[^/@\s'\"]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
)


def hidden(found: Examination, variables: Mapping[str, str] | None = None) -> Examination:
    """The same without secrets, before anything is laid out: a line that is broken would hide them from here."""
    secrets = _secrets(os.environ if variables is None else variables)
    return Examination.model_validate(_clean(found.model_dump(), secrets))


def hide(text: str, secrets: list[str]) -> str:
    """A text without the given secrets, nor anything that has the shape of one."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    for shape, instead in _SHAPES:
        text = shape.sub(instead, text)
    return text


def _secrets(variables: Mapping[str, str]) -> list[str]:
    """Longest first: one may be part of another."""
    values = {value.strip() for name, value in variables.items() if _SECRET.search(name.upper())}
    spellings = {spelling for value in values for spelling in (value, quote(value, safe=""))}
    return sorted((one for one in spellings if len(one) >= _SHORTEST), key=len, reverse=True)


def _clean(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, str):
        return hide(value, secrets)
    if isinstance(value, dict):
        return {key: _clean(one, secrets) for key, one in value.items()}
    return [_clean(one, secrets) for one in value] if isinstance(value, list | tuple) else value
