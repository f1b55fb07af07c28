"""Keys of pages in the store: who is who, never beside the page."""

from __future__ import annotations

import json
import re
from pathlib import Path

from pydantic import ValidationError

from harness.compare.judge.types import KEY_FORMAT, VERSION, Key
from harness.errors import MissingError, StoreError
from harness.store.atomic import disk_error, write_atomic
from harness.store.store import Store

PAGE_ID = re.compile(r"[0-9a-f]{16}")


def keep(store: Store, key: Key) -> Path:
    """Write a key into the store; the same page has the same key."""
    path = _path(store, key.page)
    write_atomic(path, (key.model_dump_json(indent=1) + "\n").encode())
    return path


def find(store: Store, page: str) -> Key:
    """The key of a page.

    Raises:
        MissingError: this store made no such page.
        StoreError: the key is damaged, or of a newer version.
    """
    path = _path(store, page)
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise MissingError(
            f"The store {store.root} has no key of the page {page}.",
            expected="votes of a page that `harness judge` made in this store",
            do="name the store with --store, or make the page again with its --seed",
        ) from error
    except OSError as error:
        raise disk_error(path, error, "read") from error
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(content, dict) or content.get("format") != KEY_FORMAT:
        raise _damaged(path, "it does not say that it is a key")
    if content.get("version") != VERSION:
        raise StoreError(f"{path} is a key of version {content.get('version')}.", expected=f"version {VERSION}")
    try:
        return Key.model_validate(content)
    except ValidationError as error:
        fault = error.errors()[0]
        raise _damaged(path, f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error


def _path(store: Store, page: str) -> Path:
    assert PAGE_ID.fullmatch(page)  # checked where it was read
    return store.root / "judge" / f"{page}.json"


def _damaged(path: Path, why: str) -> StoreError:
    return StoreError(f"The key {path} is damaged: {why}.", do="make the page again with its --seed")
