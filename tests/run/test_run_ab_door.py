"""The door lends what it is told to lend and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from harness.run.ab import door


def test_ours_first_the_lent_last_and_nothing_beside_them(tmp_path: Path) -> None:
    for folder, names in (("here", ("first_one", "lent_one")), ("ours", ("first_one", "lent_one", "stray_one"))):
        for name in names:
            (tmp_path / folder / name).mkdir(parents=True)
            (tmp_path / folder / name / "__init__.py").write_text(f"place = {folder!r}")
            (tmp_path / folder / name / "inside.py").write_text(f"place = {folder!r}")
    (tmp_path / "ours" / "only_lent.py").write_text("place = 'ours'")
    (tmp_path / "ours" / "first_one" / "start.py").write_text(
        "import sys, importlib\n"
        f"sys.path.insert(0, {str(tmp_path / 'here')!r})\n"
        "for name in ('first_one.inside', 'lent_one.inside', 'only_lent', 'stray_one'):\n"
        "    try:\n        print(name, importlib.import_module(name).place)\n"
        "    except ImportError:\n        print(name, 'absent')\n"
        "print(__name__, sys.argv[1:])\n"
    )
    ours = str(tmp_path / "ours")
    lent = json.dumps({"first": {"first_one": ours}, "last": {"lent_one": ours, "only_lent": ours}})
    command = [sys.executable, "-P", str(door.__file__), lent, "first_one.start", "an argument"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "first_one.inside ours", "lent_one.inside here", "only_lent ours", "stray_one absent",
        "__main__ ['an argument']",
    ]  # fmt: skip
