"""Saying things to a terminal, a file or a pipe whose reader may have left."""

from __future__ import annotations

import os
import sys


def say(text: str, *, error: bool = False) -> None:
    """A line on standard output, or on standard error.

    That its reader has left (``| head``) or knows fewer letters stops nothing, and changes no exit code.
    """
    stream = sys.stderr if error else sys.stdout
    if stream is None:  # closed by whoever started us
        return
    try:
        print(text.encode(stream.encoding, "replace").decode(stream.encoding), file=stream, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
