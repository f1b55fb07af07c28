"""Which run a person means: one of the store, one of another store's folder, or a baseline's file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.compare.baseline import unpack
from harness.report.view import RunView, load_view
from harness.store.store import open_store


@contextmanager
def opened(text: str, store_path: Path) -> Iterator[RunView]:
    """The run that ``text`` means, read; a baseline's file is unpacked for as long as it is looked at.

    Args:
        text: a run's id, name or ``latest``; ``FOLDER:RUN`` of another store; a file that `baseline export` wrote.
        store_path: where runs are, if nothing else is said.

    Raises:
        HarnessError: there is none such, or it cannot be read.
    """
    if Path(text).is_file():
        with TemporaryDirectory(prefix="harness-baseline-") as folder:
            yield load_view(*unpack(Path(text), Path(folder)))
        return
    folder, colon, run = text.rpartition(":")
    store = open_store(Path(folder) if colon and Path(folder).is_dir() else store_path, create=False)
    yield load_view(store, store.find_run(run if colon and Path(folder).is_dir() else text))
