"""What the recipes share: the pictures, the finished parts, and what the finished parts say of the pictures."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file

from harness.catalog.drawing import depth, paint
from harness.miniature.data import Pictures, other_things, to_tensor, training_set
from harness.miniature.tokens import CONTEXT, tokenizer

if TYPE_CHECKING:
    from harness.miniature.speech import Speech

_CHUNK = 50  # beyond, a decoded batch falls out of the processor's cache, and takes twice as long
_ROUND_TRIPS = 20_000
_SOURCES = 8_000  # pictures that have another thing on the same background, to be repainted
_DEPTHS = 16_000  # pictures whose depth is kept

Tensors = dict[str, torch.Tensor]


class Workshop:
    """A folder with the training set, checkpoints, finished parts and caches; nothing in it is ever committed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._speeches: dict[str, Speech] = {}

    @cached_property
    def pictures(self) -> Pictures:
        """The training set."""
        return training_set(self.folder)

    def part_file(self, name: str) -> Path:
        """Where a finished part lies: one of another recipe lies elsewhere, and is never taken for it."""
        return self.folder / "parts" / f"{name}-{_mark(name)}.safetensors"

    def checkpoint_file(self, name: str) -> Path:
        """Where a part on its way lies."""
        return self.folder / "checkpoints" / f"{name}-{_mark(name)}.safetensors"

    def part(self, name: str) -> Any:
        """A finished part, frozen."""
        from harness.miniature.recipes import RECIPES

        model = RECIPES[name].build()
        model.load_state_dict(load_file(self.part_file(name)))
        return model.eval().requires_grad_(False)

    def cached(self, name: str, make: Callable[[], Tensors], part: str | None = None) -> Tensors:
        """What ``make`` gives, kept; ``part``: whose view of the pictures it is."""
        mark = f"-{_mark(part)}" if part else ""
        path = self.folder / "caches" / f"{name}{mark}.safetensors"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".part")
            with torch.inference_mode():
                save_file({key: value.contiguous() for key, value in make().items()}, partial)
            partial.replace(path)
        tensors: Tensors = load_file(path)
        return tensors

    def _over_pictures(self, see: Callable[[torch.Tensor], torch.Tensor], n: int | None = None) -> torch.Tensor:
        import numpy as np

        total = n or len(self.pictures.pixels)
        chunks = (np.arange(i, min(i + _CHUNK, total)) for i in range(0, total, _CHUNK))
        return torch.cat([see(self.pictures.tensor(chunk)) for chunk in chunks])

    @cached_property
    def latents(self) -> torch.Tensor:
        """(pictures, 4, 8, 8) from the MoVQ's finished encoder."""

        def make() -> Tensors:
            movq = self.part("movq-start")
            return {"x": self._over_pictures(lambda pictures: movq.encode(pictures).latents)}

        return self.cached("latents", make, "movq-start")["x"]

    @cached_property
    def round_trips(self) -> torch.Tensor:
        """(some pictures, 3, 64, 64) in [-1, 1], half precision: the first of the set, through the finished MoVQ."""

        def make() -> Tensors:
            movq = self.part("movq")
            chunks = torch.split(self.latents[:_ROUND_TRIPS], _CHUNK)
            back = [movq.decode(chunk, force_not_quantize=True).sample.clamp(-1, 1).half() for chunk in chunks]
            return {"x": torch.cat(back)}

        return self.cached("round-trips", make, "movq")["x"]

    @cached_property
    def source_latents(self) -> torch.Tensor:
        """(some pictures, 4, 8, 8): for each of the first of the set, another thing on the same background."""

        def make() -> Tensors:
            movq, others = self.part("movq-start"), other_things(self.pictures, _SOURCES)
            chunks = (to_tensor(paint(others[i : i + _CHUNK])) for i in range(0, len(others), _CHUNK))
            return {"x": torch.cat([movq.encode(chunk).latents for chunk in chunks])}

        return self.cached("source-latents", make, "movq-start")["x"]

    @cached_property
    def depth_maps(self) -> torch.Tensor:
        """(some pictures, 64, 64) bytes: the depth of the first of the set, 255 being nearest."""

        def make() -> Tensors:
            layout = self.pictures.layout[:_DEPTHS]
            chunks = (depth(layout[i : i + _CHUNK]) for i in range(0, len(layout), _CHUNK))
            return {"x": torch.cat([torch.from_numpy(chunk).mul(255).round().byte() for chunk in chunks])}

        return self.cached("depth-maps", make)["x"]

    @cached_property
    def tokens(self) -> torch.Tensor:
        """(captions + 1, 20) ids of the training captions, the empty one last."""
        ids: torch.Tensor = self._tokenised.input_ids
        return ids

    @property
    def text_masks(self) -> torch.Tensor:
        """(captions + 1, 20) which of them are no padding."""
        mask: torch.Tensor = self._tokenised.attention_mask.bool()
        return mask

    @cached_property
    def _tokenised(self) -> Any:
        captions = [scene.caption() for scene in self.pictures.pool]
        return tokenizer()([*captions, ""], padding="max_length", max_length=CONTEXT, return_tensors="pt")

    def speech(self, part: str) -> Speech:
        """What is said to a text encoder of 2.1 or 3, and what it says."""
        from harness.miniature.speech import Speech

        return self._speeches.setdefault(part, Speech(self, part))

    @cached_property
    def _clip(self) -> Tensors:
        return self.cached("clip", self._see_with_clip, "clip")

    def _see_with_clip(self) -> Tensors:
        clip = self.part("clip")
        embeds = self._over_pictures(clip.images)
        text = clip.text(input_ids=self.tokens)
        return {
            "embeds": embeds,
            "mean": embeds.mean(0, keepdim=True),
            "std": embeds.std(0, keepdim=True),
            "zero": clip.images(torch.zeros(1, 3, 64, 64)),  # what the prior pipeline calls the zero embedding
            "text_embeds": text.text_embeds,
            "text_states": text.last_hidden_state,
        }

    @property
    def embeds(self) -> torch.Tensor:
        """(pictures, 128) by the prior's CLIP."""
        return self._clip["embeds"]

    @property
    def embed_mean(self) -> torch.Tensor:
        """(1, 128)."""
        return self._clip["mean"]

    @property
    def embed_std(self) -> torch.Tensor:
        """(1, 128)."""
        return self._clip["std"]

    @property
    def zero_embed(self) -> torch.Tensor:
        """(1, 128): the condition that stands for none."""
        return self._clip["zero"]

    @property
    def text_embeds(self) -> torch.Tensor:
        """(captions + 1, 128)."""
        return self._clip["text_embeds"]

    @property
    def text_states(self) -> torch.Tensor:
        """(captions + 1, 20, 128)."""
        return self._clip["text_states"]


def _mark(name: str) -> str:
    from harness.miniature.recipes import digest_of

    return digest_of(name)[:8]
