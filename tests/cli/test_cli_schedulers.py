"""`harness schedulers` and its proof, on the command line."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from harness.catalog.schedulers import schedulers
from harness.cli import run
from harness.errors import ExitCode


def test_the_listing_names_every_class_and_imports_no_torch() -> None:
    code = "import sys; from harness.cli import run; run(['schedulers']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *listing, torch_is_there = done.stdout.splitlines()
    assert torch_is_there == "False"
    assert all(len(line) <= 100 for line in listing)
    words = {line.split()[0] for line in listing if line and not line.startswith(" ")}
    assert set(schedulers()) <= words, set(schedulers()) - words


def test_the_listing_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schedulers", "--json"]) == ExitCode.DONE
    listed = json.loads(capsys.readouterr().out)
    assert {one["name"] for one in listed["classes"]} == set(schedulers())
    assert all(one["verdict"] == "right" or one["reason"] for one in listed["classes"])


def test_a_name_prints_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schedulers", "DDIMScheduler", "LCM"]) == ExitCode.DONE
    ddim, lcm = capsys.readouterr().out.split("\n\n")
    assert ddim.startswith("DDIMScheduler\n  verdict       right\n") and "timestep_spacing linspace (slow)" in ddim
    assert "each step     eta" in ddim and "timestep_spacing=leading" in ddim
    assert lcm.startswith("LCMScheduler\n  verdict       refused: suits models distilled")
    assert "`{LCM: {force: true}}` runs it all the same" in lcm
    assert all(len(line) <= 100 for line in f"{ddim}\n{lcm}".splitlines())


@pytest.mark.parametrize("arguments", [["--json", "DDIM"], ["DDIM", "--json"]])
def test_a_row_as_data(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert run(["schedulers", *arguments]) == ExitCode.DONE
    (row,) = json.loads(capsys.readouterr().out)
    assert row["name"] == "DDIM" and row["parameters"]["timestep_spacing"] == "leading" and len(row["variants"]) == 5


@pytest.mark.parametrize(("name", "words"), [("euler_a", "did you mean EulerAncestralDiscrete?"), ("chek", "check`")])
def test_a_word_that_is_neither_a_name_nor_a_command(capsys: pytest.CaptureFixture[str], name: str, words: str) -> None:
    assert run(["schedulers", name]) == ExitCode.USAGE
    assert words in capsys.readouterr().err


def test_a_proof_of_one_class(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["schedulers", "check", "IPNDMScheduler", "EDMEuler", "--task", "text-to-image", "--version", "2.2",
                 "--processes", "1", "--json"]  # fmt: skip
    assert run(arguments) == ExitCode.DONE
    proof = json.loads(capsys.readouterr().out)
    assert proof["counts"] == {"classes": 1, "variants": 2}
    assert [one["how"] for one in proof["attempts"]] == ["bare", "adapter"]


def test_a_name_that_no_scheduler_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schedulers", "check", "EulerDiscret"]) == ExitCode.USAGE
    assert "did you mean EulerDiscrete?" in capsys.readouterr().err
