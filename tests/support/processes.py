"""Processes that tests start."""

from __future__ import annotations

import os

HEAVY = ("torch", "torchvision", "diffusers", "transformers", "open_clip", "mlflow", "pandas", "altair")
#: Runs `harness` with its arguments, and prints its code and the packages that it imported on standard error.
SPY = """
import json, runpy, sys
sys.argv = ["harness", *sys.argv[1:]]
try:
    runpy.run_module("harness", run_name="__main__", alter_sys=True)
except SystemExit as leave:
    print(json.dumps([leave.code or 0, sorted({name.partition(".")[0] for name in sys.modules})]), file=sys.stderr)
"""


def unmeasured() -> dict[str, str]:
    """This process's environment without coverage's hooks: a killed process would leave half a data file behind."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")}
