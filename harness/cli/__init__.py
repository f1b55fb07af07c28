"""The command line: the only place that imports click."""

from __future__ import annotations

import click

from harness.cli.verbs import cli
from harness.errors import ExitCode, explained
from harness.streams import say

__all__ = ["run"]

_ASIDE = {"-h", "--help", "--version"}  # what click itself answers


def run(arguments: list[str]) -> int:
    """Run one command line; the exit code is the design's, whatever happened."""
    try:
        result = cli.main(arguments, prog_name="harness", standalone_mode=False)
        return result if isinstance(result, int) else ExitCode.DONE
    except SystemExit:  # how click leaves when the reader of its own help has left
        return ExitCode.DONE if _ASIDE.intersection(arguments) else ExitCode.USAGE
    except Exception as error:
        return _explain(error)
    except KeyboardInterrupt:
        return _explain(click.Abort())


def _explain(error: Exception) -> ExitCode:
    """Tell the person; the code says whose the fault was. A fault of ours must not read as a verdict."""
    code = ExitCode.USAGE
    if isinstance(error, click.Abort):
        text, code = (
            "Interrupted. What was stored stays; the same command continues, a timing pass after its last whole round.",
            ExitCode.INTERRUPTED,
        )
    elif isinstance(error, click.ClickException):
        text = f"{error.format_message()}\nTry `harness --help`, or `harness VERB --help`."
    else:
        known = explained(error)
        text, code = str(known), known.exit_code
    say(text, error=True)
    return code
