"""``python -m harness.estimate CASES``: a JSON list in, a JSON line out for each, so that who asks imports no torch."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from harness.plan.footprint import Case


def main(cases: Path) -> None:
    """Answer each case of a file, in order, on standard output; what libraries print there goes to standard error."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        from harness.estimate.footprint import answer

        for one in json.loads(cases.read_text(encoding="utf-8")):
            print(answer(Case.model_validate(one)).model_dump_json(), file=out, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
