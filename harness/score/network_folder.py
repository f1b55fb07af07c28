"""A network's folder: what its config.json says, and its safetensors weights; pickle files are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from harness.errors import MissingError
from harness.score.folder_forms import CONFIG, WEIGHTS, weights_sha256

_FAULTS = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError)


def config_of(folder: Path, what: str) -> dict[str, Any]:
    """The configuration of a folder of ``what`` ("perceptual network").

    Raises:
        MissingError: there is none, or it cannot be read.
    """
    try:
        content = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise TypeError("it is no JSON object")
    except (OSError, ValueError, TypeError) as error:
        raise _unusable(folder, what, error) from error
    return content


def source_of(config: dict[str, Any]) -> str:
    """SHA-256 of the published file that a loaded folder's weights were converted from; "" where that is not known.

    The folder declares it itself. It counts only beside the digest of the weights, which loading has looked at.
    """
    return str(config.get("source_sha256", "")) if config.get("weights_sha256") else ""


def load_network(
    folder: Path, what: str, build: Callable[[], torch.nn.Module], keep: Callable[[str], bool] = lambda _: True
) -> torch.nn.Module:
    """The network that ``build`` gives, with the folder's weights of those names that ``keep`` says, in single
    precision, ready to use.

    Raises:
        MissingError: there are no safetensors weights, they are another network's, or others than ``config.json`` says
            by their ``weights_sha256``.
    """
    if not (folder / WEIGHTS).is_file():
        raise MissingError(
            f"{folder} holds no {WEIGHTS}; pickle files are refused, because reading one runs whatever code is in it.",
            expected=f"{WEIGHTS} beside {CONFIG}",
            do="convert a pickled file once, by hand: `python -m harness.score.convert --help` says how",
        )
    said = config_of(folder, what).get("weights_sha256")
    if said is not None and said != weights_sha256(folder):
        raise MissingError(
            f"{folder / WEIGHTS} is not the file that was written beside its {CONFIG}: its SHA-256 is another.",
            do="convert the published weights again: `python -m harness.score.convert --help` says how",
        )
    try:
        with torch.device("meta"):
            net = build()
        weights = {name: value.float() for name, value in load_file(folder / WEIGHTS).items() if keep(name)}
        net.load_state_dict(weights, assign=True)
    except _FAULTS as error:
        raise _unusable(folder, what, error) from error
    return net.eval().requires_grad_(False)


def _unusable(folder: Path, what: str, error: Exception) -> MissingError:
    return MissingError(
        f"The {what} in {folder} cannot be loaded: {type(error).__name__}: {str(error).strip()[:300]}",
        expected=f"{CONFIG} and {WEIGHTS}",
        do="check the place, or convert the weights again",
    )
