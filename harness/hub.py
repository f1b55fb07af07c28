"""The Hugging Face hub: what counts as "it did not give it", and what a person can do about it."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from harness.catalog.types import Place
from harness.errors import MissingError

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)


@contextmanager
def asking_the_hub(what: str, place: Place, needed: Sequence[Place] = ()) -> Iterator[None]:
    """Inside, the hub is asked for ``place``; whatever keeps it from answering becomes a ``MissingError``.

    Args:
        what: the part's name for people, such as ``prior`` or ``scorer``.
        place: the repository.
        needed: every place that the person will need; those on the hub are told together.
    """
    try:
        yield
    except Exception as error:
        if not is_hub_error(error):
            raise
        raise not_given(what, place, error, needed) from error


def is_hub_error(error: Exception) -> bool:
    """Whether ``error`` says that the hub could not be reached or gave nothing; a disk that is full is none.

    The hub's client stands on an HTTP client whose connection errors and timeouts are no ``OSError``, and which one it
    is depends on its version: the family of the hub's own error tells. A name that no repository can have is a
    ``ValueError``.
    """
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, OSError) and error.errno in _DISK:
        return False
    families = _packages(HfHubHTTPError) - {"builtins"}
    return isinstance(error, OSError | ValueError) or bool(families & _packages(type(error)))


def _packages(cls: type[BaseException]) -> set[str]:
    return {base.__module__.partition(".")[0] for base in cls.__mro__}


def not_given(what: str, place: Place, error: Exception, needed: Sequence[Place] = ()) -> MissingError:
    """The refusal: what happened, where the hub's client looks, and the ways out."""
    revision = f" at revision {place.revision}" if place.revision else ""
    variant = f" in the variant {place.variant}" if place.variant else ""
    commands = dict.fromkeys(_download(one) for one in (place, *needed) if one.kind == "hub")
    return MissingError(
        f"The {what} {place.where}{revision}{variant} is not on this machine and the hub did not give it "
        f"({_reason(error)}).",
        expected="the repository in the Hugging Face cache (HF_HOME), or a hub within reach: no HF_HUB_OFFLINE, and "
        "HF_TOKEN for a gated repository",
        do=f"on a machine with a network run {', '.join(commands)} and bring its HF_HOME here; or name a local folder "
        "in the spec; `harness run quickstart` needs neither",
    )


def _download(place: Place) -> str:
    return f"`hf download {place.where}{f' --revision {place.revision}' if place.revision else ''}`"


def _reason(error: Exception) -> str:
    """The error's own words, or those of the one below it: a library's wrapping tells less."""
    root = error.__cause__ or error
    lines = str(root).strip().splitlines() or [""]
    return f"{type(root).__name__}: {lines[0][:200]}"
