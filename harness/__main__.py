"""``python -m harness``: the entry point, which lets no stray exception read as a verdict."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave with the design's exit code."""
    from harness.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
