"""ImageReward beside the authors' package, on one random file: small, in the published form."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from support.agreement import ABSENT, Agreement
from support.references import FOLDER
from support.tiny_scorers import REWARD_SIZE, tiny_reward

from harness.catalog.types import Place, WeightsRow
from harness.score.convert import convert
from harness.score.features import View, load_feature_maker

#: in the folder of references: the package, and a transformers of its time
PLACE = "image-reward"
PROMPTS = ("a red star", "", "long prompt " * 20, "two blue circles at the left", "x", "Two STARs")
_REFERENCE, _BAR = "image-reward 1.5", 1e-4


def image_reward_agreement(folder: Path, pictures: Sequence[Image.Image]) -> list[Agreement]:
    """The largest difference of a reward."""
    case = f"{len(PROMPTS)} pictures, a random BLIP and head, its published form converted"
    theirs_at = Path(os.environ.get(FOLDER, "")) / PLACE
    if not os.environ.get(FOLDER) or not theirs_at.is_dir():
        return [Agreement("preference", f"{_REFERENCE}: {ABSENT}", case, math.nan, math.nan, math.nan, _BAR)]
    file = tiny_reward(folder)
    convert("image-reward", file, folder / "converted", vocabulary=folder / "vocab.txt")
    row = WeightsRow(name="random", kind="preference", place=Place(kind="folder", where=str(folder / "converted")),
                     architecture="any", embedding_dim=None, resize="any", verified=False)  # fmt: skip
    views = [View(picture, prompt) for picture, prompt in zip(pictures, PROMPTS, strict=True)]
    ours = load_feature_maker(row, "cpu")(views)["preference"].astype(float)
    theirs = _theirs(folder, file, theirs_at, pictures)
    worst = int(np.argmax(np.abs(ours - theirs)))  # a value that is none is the largest
    difference = float(abs(ours[worst] - theirs[worst]))
    apart = math.inf if math.isnan(difference) else difference
    return [Agreement("preference", _REFERENCE, case, float(ours[worst]), float(theirs[worst]), apart, _BAR)]


def _theirs(folder: Path, file: Path, place: Path, pictures: Sequence[Image.Image]) -> np.ndarray:
    file.rename(folder / "state.pt")
    (folder / "size.json").write_text(json.dumps(REWARD_SIZE))
    np.savez(folder / "inputs.npz", pictures=np.stack([np.asarray(one) for one in pictures]), prompts=np.array(PROMPTS))
    paths = os.pathsep.join((str(place), str(Path(__file__).parents[1])))
    command = [sys.executable, "-W", "ignore", "-m", "support.image_reward_reference", str(folder)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"the reference failed:\n{done.stderr}")
    rewards: np.ndarray = np.load(folder / "rewards.npy")
    return rewards.astype(float)
