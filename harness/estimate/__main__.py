"""``python -m harness.estimate CASES ANSWERS``: JSON lists in and out, so that who asks need not import torch."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from harness.estimate.footprint import answer
from harness.plan.footprint import Case


def main(cases: Path, answers: Path) -> None:
    """Answer each case of a file, in order; a line on standard output for each that is answered."""
    found = []
    for one in json.loads(cases.read_text(encoding="utf-8")):
        found.append(answer(Case.model_validate(one)).model_dump(mode="json"))
        print(len(found), flush=True)
    answers.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
