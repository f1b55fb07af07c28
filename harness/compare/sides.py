"""Which run a person means: one of the store, one of another store's folder, or a baseline's file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.compare.baseline import unpack
from harness.errors import HarnessError, MissingError, UsageError
from harness.report.view import RunView, load_view
from harness.spec.load import find as find_spec
from harness.store.store import Store, open_store

_WANTED = "a run's id or name, FOLDER:RUN of another store, or a file that `harness baseline export` wrote"
_SPECS = (".yaml", ".yml")


@contextmanager
def opened(text: str, store_path: Path) -> Iterator[RunView]:
    """The run that ``text`` means, read; a baseline's file is unpacked for as long as it is looked at.

    Args:
        text: a run's id, name or ``latest``; ``FOLDER:RUN`` of another store; a file that `baseline export` wrote.
        store_path: where runs are, if nothing else is said.

    Raises:
        HarnessError: there is none such, or it cannot be read.
    """
    path = Path(text)
    if path.suffix in _SPECS and _is(path.is_file):
        raise _spec(text, UsageError)
    if _is(path.is_file):
        with TemporaryDirectory(prefix="harness-baseline-") as folder:
            yield load_view(*unpack(path, Path(folder)))
        return
    store, run = of_a_store(text, store_path)
    yield load_view(store, _found(store, run, text))


def _is(asked: Callable[[], bool]) -> bool:
    """What a path says of itself: a name that no file can have is "no", which older Pythons raise on."""
    try:
        return asked()
    except OSError:
        return False


def of_a_store(text: str, store_path: Path) -> tuple[Store, str]:
    """The store that ``text`` means, and the run's name in it: ``FOLDER:RUN``, or a run of ``store_path``."""
    folder, colon, run = text.rpartition(":")
    if not (colon and _is(Path(folder).is_dir)):
        return open_store(store_path, create=False), text
    try:
        return open_store(Path(folder), create=False), run
    except MissingError as error:
        raise MissingError(
            f"The folder {folder} of {text!r} holds no store.",
            expected=_WANTED,
            do="name the folder that was given to --store, by default `runs`, and the run in it",
        ) from error


def _found(store: Store, run: str, text: str) -> str:
    """The run's id, or why there is none, in the words of what was probably meant."""
    try:
        return store.find_run(run)
    except MissingError as error:
        raise _meant(store, run, text) or error from error


def _meant(store: Store, run: str, text: str) -> HarnessError | None:
    """What a name that is no run was probably meant to be."""
    folder, colon, name = text.rpartition(":")
    if run != text:
        here = ", ".join(store.run_ids()[-5:]) or "none"
        return MissingError(
            f"There is no run {run!r} in the store {folder}.",
            expected=f"a run of that store; its newest: {here}",
            do=f"`harness ls --store {folder}` shows them all",
        )
    if colon and not _is(Path(folder).exists):
        return MissingError(
            f"There is no folder {folder!r} for {text!r}, and no run of that name in {store.root}.",
            expected=_WANTED, do=f"name the folder of the store that has the run {name!r}",
        )  # fmt: skip
    if Path(text).suffix == ".zip":
        return MissingError(f"There is no file {text}, and no run of that name.", expected=_WANTED,
                            do="`harness baseline export RUN FILE` writes one; a download may have failed")  # fmt: skip
    if _is(Path(text).is_dir):
        return MissingError(f"{text} is a folder, not a run.", expected=_WANTED, do=f"name a run in it: {text}:RUN")
    return _spec(text, MissingError) if _is_shipped(text) else None


def _is_shipped(text: str) -> bool:
    try:
        return find_spec(text).is_file()
    except (HarnessError, OSError):
        return False


def _spec(text: str, kind: type[HarnessError]) -> HarnessError:
    return kind(
        f"{text} is a spec, which says what to run, and no run of that name is in the store.",
        expected=_WANTED,
        do=f"`harness run {text} --name NAME` makes a run of it; then give NAME",
    )
