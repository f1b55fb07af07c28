"""Metrics of single pictures, and the FID's Inception, beside their reference implementations.

``PYTHONPATH=tests python -m support.picture_metric_agreement`` prints the table. torchmetrics, open_clip and
transformers are dependencies; `lpips`, `torch-fidelity` and `clean-fid` come from the folder of
``HARNESS_REFERENCES``, or from the environment. What is not there is a line that says so, and no agreement.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from support.agreement import Agreement, failures
from support.clip_formats import both
from support.image_reward_agreement import image_reward_agreement
from support.inception_agreement import inception_agreement
from support.references import FOLDER, absent, called, reference

from harness.score.clip_score import cosines
from harness.score.lpips import Lpips, backbone
from harness.score.open_clip_scorer import load_from_folder
from harness.score.preference import load_towers
from harness.score.psnr import psnr
from harness.score.ssim import ssim
from harness.score.transformers_clip import load_transformers_clip

PROMPTS = ["a red star", "two blue circles at the left", "a long prompt that does not fit " * 4, "x", "a", "a red star"]
_PIXELS, _CLIP = 1e-5, 1e-4
Pixels = np.ndarray[Any, np.dtype[np.uint8]]


def largest(metric: str, reference: str, case: str, ours: Sequence[float], theirs: Sequence[float], bar: float,
            how: Callable[[float, float], float] = lambda one, other: abs(one - other)) -> Agreement:  # fmt: skip
    """The pair of values that differs most; nothing differs more than what is not a number."""

    def apart(pair: tuple[float, float]) -> float:
        return math.inf if math.isnan(found := how(*pair)) else found

    worst = max(zip(ours, theirs, strict=True), key=apart)
    return Agreement(metric, reference, case, *worst, apart(worst), bar)


def noisy_pairs(side: int) -> list[tuple[Pixels, Pixels]]:
    """Smooth pictures with a little noise, with more, and with nothing but noise."""
    rng = np.random.default_rng(side)
    y, x = np.mgrid[:side, :side]
    smooth = 127 + 90 * (np.sin(x / 9) * np.cos(y / 7))[..., None] * np.array([1.0, 0.8, 0.5])
    noisy = [smooth + spread * rng.normal(size=smooth.shape) for spread in (0.5, 5.0, 30.0, 300.0)]
    return [(smooth.clip(0, 255).astype(np.uint8), one.clip(0, 255).astype(np.uint8)) for one in noisy]


def ssim_and_psnr() -> list[Agreement]:
    """Against torchmetrics, of 8-bit pixels and of those in [0, 1]."""
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

    theirs: dict[str, Any] = {"ssim": structural_similarity_index_measure, "psnr": peak_signal_noise_ratio}
    ours: dict[str, Any] = {"ssim": lambda a, b, top: ssim(a, b, data_range=top),
                            "psnr": lambda a, b, top: psnr(a, b, peak=top)}  # fmt: skip
    found = []
    for metric, function in theirs.items():
        for side in (64, 512):
            for top in (255.0, 1.0):
                pairs = [(a * (top / 255), b * (top / 255)) for a, b in noisy_pairs(side)]
                tensors = [[torch.from_numpy(one).double().permute(2, 0, 1)[None] for one in pair] for pair in pairs]
                case = f"4 pairs of {side}×{side}, range {top:g}"
                mine = [ours[metric](*pair, top) for pair in pairs]
                wanted = [float(function(*pair, data_range=top)) for pair in tensors]
                found.append(largest(metric, called("torchmetrics"), case, mine, wanted, _PIXELS))
    return found


def lpips_agreement(folder: Path) -> list[Agreement]:
    """Against the authors' package, on the same random backbones."""
    package, found = reference("lpips"), []
    for net, architecture in (("alex", "alexnet"), ("vgg", "vgg16")):
        case = f"4 pairs of 96×64, random {architecture}"
        if package is None:
            found.append(absent("perceptual_distance", "lpips", case, _PIXELS))
            continue
        torch.manual_seed(0)
        theirs = package.LPIPS(net=net, pnet_rand=True, verbose=False)
        kept = _saved_backbone(theirs.net.state_dict(), architecture, folder / architecture)
        one, other = torch.rand(4, 3, 96, 64), torch.rand(4, 3, 96, 64)
        other[1] = (one[1] + 0.05 * torch.randn(3, 96, 64)).clip(0, 1)
        other[2] = one[2]
        with torch.inference_mode():
            mine = Lpips(backbone(kept)[0], architecture)(one, other).tolist()
            wanted = theirs(one * 2 - 1, other * 2 - 1).flatten().tolist()
        found.append(largest("perceptual_distance", called("lpips"), case, mine, wanted, _PIXELS))
    return found


def _saved_backbone(state: dict[str, Any], architecture: str, folder: Path) -> Path:
    folder.mkdir()
    save_file({f"features.{name.partition('.')[2]}": one.clone() for name, one in state.items()},
              folder / "model.safetensors")  # fmt: skip
    (folder / "config.json").write_text(json.dumps({"architecture": architecture}))
    return folder


def clip_score_agreement(folder: Path, pictures: Sequence[Image.Image]) -> list[Agreement]:
    """Against open_clip's own towers, and torchmetrics with the same weights in transformers' format; equal pixels.

    Before they are clamped at 0, where a random CLIP's scores may all lie.
    """
    theirs, mine = both(folder)
    scorer = load_from_folder(mine, "cpu")
    texts = PROMPTS[: len(pictures)]
    ours = (100 * cosines(scorer.images(pictures), scorer.texts(texts).features)).tolist()
    case = f"{len(pictures)} pictures, a random CLIP, not clamped"
    return [
        largest("clip_score", called("open_clip_torch").replace("_torch", ""), case, ours,
                _by_open_clip(mine, pictures, texts), _CLIP),
        largest("clip_score", called("torchmetrics"), f"{case}; in transformers' format, equal pixels", ours,
                _by_torchmetrics(theirs, pictures, texts), _CLIP),
    ]  # fmt: skip


def _by_open_clip(folder: Path, pictures: Sequence[Image.Image], texts: Sequence[str]) -> list[float]:
    import open_clip

    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}", precision="fp32")
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(list(texts))
    with torch.inference_mode():
        images = model.eval().encode_image(torch.stack([preprocess(one) for one in pictures]), normalize=True)
        cosine = (images * model.encode_text(tokens, normalize=True)).sum(1)
    return (100 * cosine).tolist()


class _Processor:
    """Hands torchmetrics the pixels and the tokens that this project's scorer sees."""

    def __init__(self, pixels: torch.Tensor, tokens: torch.Tensor) -> None:
        self._given = {"pixel_values": pixels, "input_ids": tokens, "attention_mask": torch.ones_like(tokens)}

    def __call__(self, **_: Any) -> dict[str, torch.Tensor]:
        return self._given


class _Unwrapped:
    """transformers 5 gives its features inside an output, which torchmetrics 1.9 does not know."""

    def __init__(self, model: Any) -> None:
        self._model, self.config = model, model.config

    def to(self, _: Any) -> _Unwrapped:
        return self

    def get_image_features(self, pixels: torch.Tensor) -> torch.Tensor:
        return self._model.get_image_features(pixels).pooler_output  # type: ignore[no-any-return]

    def get_text_features(self, ids: torch.Tensor, attention: torch.Tensor) -> torch.Tensor:
        return self._model.get_text_features(ids, attention).pooler_output  # type: ignore[no-any-return]


def _by_torchmetrics(folder: Path, pictures: Sequence[Image.Image], texts: Sequence[str]) -> list[float]:
    from torchmetrics.functional.multimodal.clip_score import _clip_score_update
    from transformers import CLIPModel

    model: Any = _Unwrapped(CLIPModel.from_pretrained(folder).eval())
    mine = load_transformers_clip(folder, "cpu")
    processor: Any = _Processor(mine.pixels(pictures), mine.tokens(texts))
    images = [torch.from_numpy(np.array(one)).permute(2, 0, 1) for one in pictures]
    with torch.inference_mode():
        scores, _ = _clip_score_update(images, list(texts), model, processor)  # type: ignore[arg-type]
    return scores.tolist()


def preference_agreement(folder: Path, pictures: Sequence[Image.Image]) -> list[Agreement]:
    """Against transformers' own logits."""
    from transformers import CLIPModel

    theirs, _ = both(folder)
    towers, mine = load_towers(theirs, "cpu"), load_transformers_clip(theirs, "cpu")
    texts = PROMPTS[: len(pictures)]
    ours = towers.logit_scale * cosines(towers.images(pictures), towers.texts(texts).features)
    model: Any = CLIPModel.from_pretrained(theirs).eval()
    with torch.inference_mode():
        logits = model(input_ids=mine.tokens(texts), pixel_values=mine.pixels(pictures)).logits_per_image.diag()
    case = f"{len(pictures)} pictures, a random CLIPModel, equal pixels"
    return [largest("preference", called("transformers"), case, ours.tolist(), logits.tolist(), _CLIP)]


def rows() -> list[Agreement]:
    """All of it."""
    reference("torch_fidelity")  # before torchmetrics is imported: it looks only then
    noise = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)
    pictures = [Image.fromarray(one) for one in noise]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        home = Path(folder)
        for name in ("clip", "preference"):
            (home / name).mkdir()
        return [
            *ssim_and_psnr(), *lpips_agreement(home), *clip_score_agreement(home / "clip", pictures),
            *preference_agreement(home / "preference", pictures), *image_reward_agreement(home / "reward", pictures),
            *inception_agreement(home),
        ]  # fmt: skip


if __name__ == "__main__":
    found = rows()
    for line in found:
        print(f"{line.metric:<20} {line.reference:<28} {line.case:<60} {line.ours:.12g} {line.theirs:.12g} "
              f"{line.difference:.1e} {'' if line.agrees else '!'}", flush=True)  # fmt: skip
    sys.exit(1 if failures(found, strict=bool(os.environ.get(FOLDER))) else 0)
