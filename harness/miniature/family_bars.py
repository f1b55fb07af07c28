"""The bars of the family beyond 2.2's text-to-image, measured with the real pipelines on exported folders.

Every function takes the folder that holds the family and gives one bar or more; captions are held out from training.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.catalog.world import ATTRIBUTES, LANGUAGES, PLACES, SIZES, VOCABULARIES, Scene, scenes, split
from harness.miniature.data import to_tensor
from harness.miniature.editing import stretched
from harness.miniature.evaluate import Bar
from harness.miniature.holes import white
from harness.miniature.world import SIDE, Layout, arrange, depth, paint, sample
from harness.score.world_truth import load_judge, seen
from harness.stats.intervals import mean_interval

_BATCH = 32
_SIZE = {"height": SIDE, "width": SIDE, "output_type": "pt"}
_AROUND = 4  # pixels between a shape as it is captioned and the mask's edge
_SHAPE, _COLOUR, _PLACE = (ATTRIBUTES.index(name) for name in ("shape", "colour", "place"))


@dataclass(frozen=True)
class Sampling:
    """How many cases, and how each is made."""

    n: int = 100
    num_inference_steps: int = 25
    guidance_scale: float = 4.0
    seed: int = 7

    @property
    def knobs(self) -> dict[str, Any]:
        """What a decoder's pipeline is called with."""
        return {"num_inference_steps": self.num_inference_steps, "guidance_scale": self.guidance_scale, **_SIZE}

    def scenes(self) -> list[Scene]:
        """Held-out scenes."""
        return sample(split()[1], self.n, np.random.default_rng(self.seed))

    def generators(self, rows: range) -> list[torch.Generator]:
        """One for each row."""
        return [torch.Generator().manual_seed(self.seed * 1_000_003 + row) for row in rows]


def load(pipeline: str, folder: Path) -> Any:
    """A pipeline of diffusers in single precision, silent."""
    import diffusers

    pipe = getattr(diffusers, pipeline).from_pretrained(folder, torch_dtype=torch.float32, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _batches(n: int) -> list[range]:
    return [range(start, min(start + _BATCH, n)) for start in range(0, n, _BATCH)]


def _imagined(prior: Any, prompts: list[str], generators: list[torch.Generator]) -> dict[str, torch.Tensor]:
    out = prior(prompts, generator=generators)
    return {"image_embeds": out.image_embeds, "negative_image_embeds": out.negative_image_embeds}


def _judged(weights: Path, pictures: torch.Tensor, wanted: list[Scene]) -> torch.Tensor:
    """(n, 5) whether the judge sees each attribute of the wanted scenes in pictures of (n, 3, 64, 64), [0, 1]."""
    found = seen(load_judge(weights / "judge"), pictures)
    return found == torch.tensor([scene.indices() for scene in wanted])


def _unit(pictures: torch.Tensor) -> torch.Tensor:
    """The pipelines give [-1, 1] here, though others of diffusers give [0, 1] as "pt"."""
    return (pictures.float() * 0.5 + 0.5).clamp(0, 1)


def _share(promise: str, right: torch.Tensor, least: float) -> Bar:
    estimate = mean_interval(right.double().numpy(), list(range(len(right))))
    low, high = (min(max(end or 0.0, 0.0), 1.0) for end in (estimate.low, estimate.high))
    text = f"{estimate.value:.1%} [{low:.1%}, {high:.1%}], n = {len(right)}"
    return Bar(promise, f"≥ {least:.0%}", text, float(right.double().mean()) >= least)


def captions_21(weights: Path, how: Sampling = Sampling(n=256)) -> list[Bar]:
    """2.1: all five attributes right, through its prior, in each language."""
    prior = load("KandinskyPriorPipeline", weights / "mini-2.1" / "prior")
    decoder = load("KandinskyPipeline", weights / "mini-2.1" / "decoder")
    return [_captions_21(weights, prior, decoder, language, how) for language in LANGUAGES]


def _captions_21(weights: Path, prior: Any, decoder: Any, language: str, how: Sampling) -> Bar:
    wanted, made = how.scenes(), []
    for rows in _batches(how.n):
        prompts, generators = [wanted[row].caption(language) for row in rows], how.generators(rows)
        embeds = _imagined(prior, prompts, generators)
        made.append(decoder(prompts, generator=generators, **embeds, **how.knobs).images)
    right = _judged(weights, _unit(torch.cat(made)), wanted).all(1)
    return _share(f"2.1, captions in {language}: all five attributes right", right, 0.9)


def captions_3(weights: Path, how: Sampling = Sampling(n=256, guidance_scale=3.0)) -> Bar:
    """3: all five attributes right."""
    pipe, wanted, made = load("Kandinsky3Pipeline", weights / "mini-3" / "decoder"), how.scenes(), []
    for rows in _batches(how.n):
        prompts = [wanted[row].caption() for row in rows]
        made.append(pipe(prompts, generator=how.generators(rows), **how.knobs).images)
    right = _judged(weights, _unit(torch.cat(made)), wanted).all(1)
    return _share("3: all five attributes right", right, 0.9)


def repainting(weights: Path, version: str = "2.2", how: Sampling = Sampling()) -> Bar:
    """The prompt's shape and colour are inside the mask: what the mask shows is judged on the source's background."""
    wanted = how.scenes()
    sources = _sources(wanted, how.seed)
    masks, made = white(np.array([_box(scene) for scene in wanted])), []
    repaint = _repainter(weights, version)
    for row, scene in enumerate(wanted):
        made.append(
            _unit(repaint(scene.caption(), paint(sources[[row]]), masks[row], how.generators(range(row, row + 1)), how))
        )
    inside, ground = torch.from_numpy(masks)[:, None], torch.from_numpy(sources.ground)[:, :, None, None] / 255
    right = _judged(weights, torch.where(inside, torch.cat(made), ground), wanted)
    return _share(
        f"{version}, inpainting: the prompt's object is inside the mask", right[:, [_SHAPE, _COLOUR]].all(1), 0.7
    )


def _sources(wanted: list[Scene], seed: int) -> Layout:
    """Another scene of the same background for each."""
    rng, everything = np.random.default_rng(seed + 1), scenes()
    others = [
        sample(
            [o for o in everything if o.background == s.background and (o.shape, o.colour) != (s.shape, s.colour)],
            1,
            rng,
        )[0]
        for s in wanted
    ]
    return arrange(others, rng)


def _box(scene: Scene) -> tuple[int, int, int, int]:
    """A mask's rectangle where the caption puts the shape."""
    reach, (x, y) = int(SIZES[scene.size]) + _AROUND, PLACES[scene.place][1]
    middle_x, middle_y = SIDE // 2 + x, SIDE // 2 + y
    return max(middle_x - reach, 0), max(middle_y - reach, 0), min(middle_x + reach, SIDE), min(middle_y + reach, SIDE)


def _repainter(weights: Path, version: str) -> Any:
    """Prompt, picture (1, 64, 64, 3) bytes, mask and generators → (1, 3, 64, 64): the pipelines take one at a time."""
    name = {"2.1": "Kandinsky", "2.2": "KandinskyV22"}[version]
    folder = weights / f"mini-{version}"
    prior, decoder = load(f"{name}PriorPipeline", folder / "prior"), load(f"{name}InpaintPipeline", folder / "inpaint")

    def repaint(prompt: str, picture: Any, mask: Any, generators: list[torch.Generator], how: Sampling) -> torch.Tensor:
        embeds = _imagined(prior, [prompt], generators)
        told = {"prompt": prompt} if version == "2.1" else {}
        given = {"image": to_tensor(picture), "mask_image": torch.from_numpy(mask)[None, None].float()}
        made: torch.Tensor = decoder(**told, **given, **embeds, generator=generators, **how.knobs).images
        return made

    return repaint


def following(weights: Path, how: Sampling = Sampling()) -> list[Bar]:
    """ControlNet: each hint shows the prompt's shape at another place; the picture must follow the hint."""
    prior = load("KandinskyV22PriorPipeline", weights / "mini-2.2" / "prior")
    decoder = load("KandinskyV22ControlnetPipeline", weights / "mini-2.2" / "controlnet")
    asked, rng, made = how.scenes(), np.random.default_rng(how.seed + 2), []
    hinted = [replace(scene, place=str(rng.choice([p for p in PLACES if p != scene.place]))) for scene in asked]
    hints = stretched(torch.from_numpy(depth(arrange(hinted, rng))))[:, None].repeat(1, 3, 1, 1)
    for rows in _batches(how.n):
        prompts, generators = [asked[row].caption() for row in rows], how.generators(rows)
        embeds = _imagined(prior, prompts, generators)
        made.append(decoder(hint=hints[list(rows)], generator=generators, **embeds, **how.knobs).images)
    return _followed(weights, _unit(torch.cat(made)), asked, hinted)


def _followed(weights: Path, pictures: torch.Tensor, asked: list[Scene], hinted: list[Scene]) -> list[Bar]:
    own = _judged(weights, pictures, hinted)
    captioned = _judged(weights, pictures, asked)[:, _PLACE]
    shuffled = _judged(weights, pictures, [*hinted[1:], hinted[0]])[:, _PLACE]
    chance = 1.5 / len(VOCABULARIES["place"])
    text = f"{shuffled.float().mean():.1%}, n = {len(shuffled)}; at the caption's place {captioned.float().mean():.1%}"
    return [
        _share("ControlNet: the object stands where the hint puts it", own[:, _PLACE], 0.8),
        _share("ControlNet: and its other attributes are the caption's", own.all(1), 0.7),
        Bar(
            "ControlNet, hints shuffled",
            f"≤ {chance:.0%} (chance is 20 %)",
            text,
            float(shuffled.float().mean()) <= chance,
        ),
    ]


def fathoming(weights: Path, how: Sampling = Sampling()) -> Bar:
    """The depth estimator's map against the world's, once scale and shift are matched (as ControlNet's hints are)."""
    from PIL import Image
    from transformers import AutoImageProcessor, pipeline

    folder = weights / "depth"
    processor = AutoImageProcessor.from_pretrained(folder)
    estimate = pipeline("depth-estimation", model=str(folder), image_processor=processor, device="cpu")
    layout = arrange(how.scenes(), np.random.default_rng(how.seed))
    found = [np.asarray(estimate(Image.fromarray(picture))["depth"]) for picture in paint(layout)]
    truth = depth(layout).reshape(how.n, -1)
    each = [float(np.corrcoef(one.reshape(-1), true)[0, 1]) for one, true in zip(found, truth, strict=True)]
    text = f"correlation {np.mean(each):.3f} on average, {min(each):.3f} at worst, n = {how.n}"
    return Bar("the depth estimator on world pictures", "≥ 0.95 on average", text, float(np.mean(each)) >= 0.95)


def family(weights: Path) -> list[Bar]:
    """All of them."""
    return [
        repainting(weights, "2.2"),
        repainting(weights, "2.1"),
        *following(weights),
        fathoming(weights),
        *captions_21(weights),
        captions_3(weights),
    ]
