"""A hub that cannot be reached, really: no part of the house takes that for a defect of its own."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled
from support.processes import unmeasured

from harness.catalog.types import Place
from harness.errors import ExitCode, MissingError
from harness.hub import asking_the_hub, is_hub_error

DECODER, PRIOR = "kandinsky-community/kandinsky-2-2-decoder", "kandinsky-community/kandinsky-2-2-prior"
SCORER = "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
CLIENT = sys.modules[HfHubHTTPError.__bases__[0].__module__.partition(".")[0]]  # the HTTP client of this version
BOTH_WORKERS = """
import time
time.sleep = lambda _: None  # the hub's library waits longer from try to try
from harness.catalog.types import Place
from harness.errors import MissingError
from harness.pipelines.load import folder_of
from harness.score.features import weights_folder
from harness.score.open_clip_scorer import load_by_name
place = Place(kind="hub", where="someone/some-model")
for part in (lambda: folder_of(place, "decoder", "2.2"), lambda: weights_folder(place),
             lambda: load_by_name("ViT-B-32", "laion2b_s34b_b79k", "cpu")):
    try:
        part()
    except MissingError as error:
        print("told:", error.happened)
"""


@pytest.fixture
def unreachable(tmp_path: Path) -> dict[str, str]:
    """An environment whose hub is a port that nobody listens on, with an empty cache and no offline mode."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    known = {name: value for name, value in unmeasured().items() if name not in ("HF_HUB_OFFLINE", "HF_TOKEN")}
    return {**known, "HF_ENDPOINT": f"http://127.0.0.1:{port}", "HF_HOME": str(tmp_path / "hub")}


def test_a_run_names_every_repository_that_it_needs(unreachable: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("prompts: [a red star]\nmodel: kandinsky-2.2\ndevice: cpu\n")
    command = [sys.executable, "-m", "harness", "run", "spec.yaml", "--no-track"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=unreachable, cwd=tmp_path)
    assert done.returncode == ExitCode.MISSING, done.stderr
    assert f"The prior {PRIOR} is not on this machine and the hub did not give it (Connect" in done.stderr
    assert all(f"`hf download {name}`" in done.stderr for name in (PRIOR, DECODER, SCORER))
    assert all(word in done.stderr for word in ("HF_HOME", "HF_TOKEN", "HF_HUB_OFFLINE", "name a local folder"))
    assert "harness itself" not in done.stderr and "Traceback" not in done.stderr
    assert not list((tmp_path / "runs").glob("runs/*"))


@pytest.mark.slow
def test_workers_say_so_of_models_and_of_scorers(unreachable: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BOTH_WORKERS], capture_output=True, text=True, check=False,
        env=unreachable,
    )  # fmt: skip
    told = [line for line in done.stdout.splitlines() if line.startswith("told:")]
    assert len(told) == 3, done.stderr
    assert "The decoder someone/some-model is not on this machine" in told[0] and "ConnectError" in told[0]
    assert "The scorer someone/some-model is not on this machine" in told[1] and "ConnectError" in told[1]


@pytest.mark.parametrize(
    "error",
    [
        CLIENT.ConnectError("refused"),
        CLIENT.ReadTimeout("too slow"),
        CLIENT.InvalidURL("no address"),
        OfflineModeIsEnabled("offline"),
        HFValidationError("no name of a repository"),
        FileNotFoundError("not cached"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_counts_as_a_hub_that_gives_nothing(error: Exception) -> None:
    assert is_hub_error(error)
    with pytest.raises(MissingError, match="did not give it"), asking_the_hub("prior", Place(kind="hub", where="a/b")):
        raise error


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyError("ours"), TypeError()])
def test_a_full_disk_and_our_own_faults_are_not_the_hubs(error: Exception) -> None:
    with pytest.raises(type(error)), asking_the_hub("prior", Place(kind="hub", where="a/b")):
        raise error


def test_a_pinned_revision_and_a_variant_are_named_and_folders_are_not() -> None:
    place = Place(kind="hub", where="a/b", revision="abc", variant="fp16")
    folder = Place(kind="folder", where="/somewhere")
    with pytest.raises(MissingError) as caught, asking_the_hub("prior", place, (place, folder)):
        raise OSError("gone")
    assert "a/b at revision abc in the variant fp16" in caught.value.happened
    assert caught.value.do.count("hf download") == 1 and "`hf download a/b --revision abc`" in caught.value.do
    assert "/somewhere" not in str(caught.value)
