"""What stands in for a Kandinsky's networks: an ideal denoiser, and parts around it that change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch

from harness.proof.levels import Levels
from harness.proof.problems import Problem, ideal_noise, posterior

LATENT_CHANNELS = 4
_TEXT = 4  # width of embeddings that nothing reads


class IdealUNet(torch.nn.Module):
    """Predicts the noise as well as can be done; each of the four channels has a problem of its own.

    It is told a timestep, as a real UNet is, and takes the level from the model's noise schedule. The condition is
    ignored. ``first`` and ``first_timestep`` keep what it was first asked about.

    Args:
        problems: one a channel.
        levels: of the model's noise schedule.
        variance: a variance half follows the noise; ``None``: none (Kandinsky 3), ``"unread"``: not-a-number, which
            nothing may touch, ``"ideal"``: the best one for ``scheduler``'s next step (``DDPM`` with learned_range).
        in_channels: 9 for inpainting.
        late: a fault to be planted: the level is looked up this many timesteps off.
    """

    def __init__(
        self,
        problems: Sequence[Problem],
        levels: Levels,
        *,
        variance: str | None,
        in_channels: int = LATENT_CHANNELS,
        late: int = 0,
    ) -> None:
        super().__init__()
        self.problems, self.levels, self.variance, self.late = tuple(problems), levels, variance, late
        self.scheduler: Any = None
        self.config = SimpleNamespace(in_channels=in_channels)
        self.dtype, self.device = torch.float32, torch.device("cpu")
        self.first: torch.Tensor | None = None
        self.first_timestep = 0.0
        self.calls = 0

    def forward(self, sample: torch.Tensor, timestep: Any, *_: Any, **__: Any) -> tuple[torch.Tensor]:
        """``sample``: (n, channels, height, width); channels past the fourth are a picture and a mask."""
        latents, t = sample[:, :LATENT_CHANNELS], float(timestep)
        if self.first is None:
            self.first, self.first_timestep = latents.clone(), t
        self.calls += 1
        alpha = self.levels.alpha(t + self.late)
        noise = ideal_noise(self.problems, latents, alpha)
        if self.variance is None:
            return (noise.to(sample.dtype),)
        half = torch.full_like(noise, torch.nan) if self.variance == "unread" else self._variance(latents, t)
        return (torch.cat([noise, half], dim=1).to(sample.dtype),)

    def _variance(self, latents: torch.Tensor, t: float) -> torch.Tensor:
        """In -1..1: where the true variance of a step lies between DDPM's two bounds (J. Ho et al., 2020, eq. 7)."""
        before = self.scheduler.previous_timestep(int(t))
        alphas = self.levels.alphas_cumprod.double()
        here, there = float(alphas[int(t)]), float(alphas[before]) if before >= 0 else 1.0
        upper = 1 - here / there
        lower = max((1 - there) / (1 - here) * upper, 1e-20)
        weight = there**0.5 * upper / (1 - here)
        true = lower + weight**2 * posterior(self.problems, latents, here)[1]
        span = torch.log(torch.tensor(upper / lower, dtype=torch.float64))
        share: torch.Tensor = (true / lower).log() / span
        return 2 * share - 1


class PassingMovq(torch.nn.Module):
    """Encodes anything as ``source`` and decodes latents as they are; ``decoded`` keeps the last ones."""

    def __init__(self, source: torch.Tensor | None = None) -> None:
        super().__init__()
        self.source, self.decoded = source, torch.empty(0)
        self.config = SimpleNamespace(block_out_channels=(1,), latent_channels=LATENT_CHANNELS)
        self.dtype, self.device = torch.float32, torch.device("cpu")

    def encode(self, _: torch.Tensor) -> dict[str, torch.Tensor | None]:
        """(n, 4, height, width) under ``latents``."""
        return {"latents": self.source}

    def decode(self, latents: torch.Tensor, **_: Any) -> dict[str, torch.Tensor]:
        """The latents themselves under ``sample``."""
        self.decoded = latents
        return {"sample": latents}


class NoWords:
    """A tokenizer whose every prompt is one token."""

    model_max_length = 77

    def __call__(self, prompts: Any, **_: Any) -> SimpleNamespace:
        """(n, 1) ids and mask."""
        one = torch.ones(len(prompts) if isinstance(prompts, list) else 1, 1, dtype=torch.long)
        return SimpleNamespace(input_ids=one, attention_mask=one)


class NoMeaning(torch.nn.Module):
    """A text encoder whose embeddings are all nought."""

    dtype, device = torch.float32, torch.device("cpu")

    def forward(self, input_ids: torch.Tensor, **_: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, width) pooled, and (n, 1, width) hidden states."""
        return torch.zeros(len(input_ids), _TEXT), torch.zeros(len(input_ids), 1, _TEXT)


def embeddings(rows: int) -> torch.Tensor:
    """(rows, width): image embeddings that nothing reads."""
    return torch.zeros(rows, _TEXT)


def text_states(rows: int) -> dict[str, torch.Tensor]:
    """What Kandinsky 3 takes in the place of a prompt."""
    return {"prompt_embeds": torch.zeros(rows, 1, _TEXT), "attention_mask": torch.ones(rows, 1, dtype=torch.long)}
