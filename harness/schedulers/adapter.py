"""Any of diffusers' schedulers under a Kandinsky pipeline: one wrapper that converts at its edges.

It needs torch and diffusers only, so that the code that `harness show --code` prints can carry it whole.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import torch
from diffusers.schedulers.scheduling_utils import SchedulerOutput


class KandinskyScheduler:
    """A scheduler for pipelines that keep their latents in the variance-preserving (VP) scale and never rescale them.

    A sigma-space scheduler works on ``x_vp * sqrt(sigma² + 1)`` (T. Karras et al., NeurIPS 2022, table 1) and expects
    to be asked to scale the model's input. No Kandinsky pipeline asks: here the latents are brought into its scale
    before each of its steps, and back after it. Beyond that, the wrapper

    - keeps count of the steps itself, so that a start in the middle of the schedule is where it should be: on pairs of
      timesteps (Heun's kind), in the history of a multistep solver, and where two timesteps are the same number;
    - hands on only those keywords that the scheduler's ``step`` takes, and each image's generator;
    - gives a noise level to everything that asks, also between the two halves of a step.

    Args:
        inner: the scheduler.
        alphas_cumprod: (train timesteps,), of the model's noise schedule: its level at each timestep. Only EDM's
            schedulers need it, which know nothing of timesteps.
        strength: of an image-to-image pipeline, which leaves out the first steps; ``None`` for the others.
        step_arguments: keywords for each step, such as ``eta``.
    """

    init_noise_sigma = 1.0  # a pipeline's first latents are pure noise of the VP scale

    def __init__(
        self,
        inner: Any,
        *,
        alphas_cumprod: torch.Tensor | None = None,
        strength: float | None = None,
        **step_arguments: Any,
    ) -> None:
        self.inner = inner
        self.order = getattr(inner, "order", 1)
        self.strength = strength
        self.step_arguments = step_arguments
        self.timesteps = torch.empty(0)
        name = type(inner).__name__
        self._edm, self._pndm = name.startswith("EDM"), name == "PNDMScheduler"
        marks = ("is_scale_input_called", "state_in_first_order")
        self._sigma_space = self._edm or any(hasattr(inner, mark) for mark in marks)
        self._halves = hasattr(inner, "sigmas_interpol") or hasattr(inner, "mid_point_sigma")
        self._scales: list[float] = []
        if self._sigma_space:
            inner.is_scale_input_called = True  # it would warn otherwise
        self._keywords = set(inspect.signature(inner.step).parameters)
        self._levels = None if alphas_cumprod is None else ((1 - alphas_cumprod) / alphas_cumprod).sqrt().log()
        self._begin = self._at = 0
        self._scale = 1.0
        if self._pndm and strength is not None:  # its Runge-Kutta start knows the first of all timesteps only
            inner.register_to_config(skip_prk_steps=True)
        self.config = inner.config

    def set_timesteps(self, num_inference_steps: int, device: Any = None) -> None:
        """Lay out the schedule. ``timesteps``: what the pipeline denoises at, the steps that it will skip included."""
        self.inner.set_timesteps(num_inference_steps, device=device)
        skipped = 0
        if self.strength is not None:
            skipped = max(num_inference_steps - min(int(num_inference_steps * self.strength), num_inference_steps), 0)
        if hasattr(self.inner, "noise_sampler_seed"):  # of the last pictures
            self.inner.noise_sampler_seed = self.config.noise_sampler_seed
        if self._pndm and self.strength is not None:
            self._lay_out_multistep(skipped, device)
        own = self._timesteps()
        calls_per_step = 2 if len(own) == 2 * num_inference_steps - 1 else 1
        self._begin = self._at = 0 if self._pndm else skipped * calls_per_step
        if hasattr(self.inner, "set_begin_index"):
            self.inner.set_begin_index(self._begin)
        left = own[self._begin :]
        self.timesteps = torch.cat([left[:1].repeat(skipped), left])
        if self._sigma_space:
            self._scales = [(sigma**2 + 1) ** 0.5 for sigma in self.inner.sigmas.tolist()]
        self._scale = self._scale_here()

    def step(
        self, model_output: torch.Tensor, timestep: Any, sample: torch.Tensor, generator: Any = None, **_: Any
    ) -> SchedulerOutput:
        """One call of the model further. ``sample`` and what is returned: latents in the VP scale."""
        del timestep  # it may stand for two places in the schedule; the count knows which
        dtype = sample.dtype
        if self._sigma_space:  # its sigmas may be larger than a half-precision number
            sample, model_output = sample.float(), model_output.float()
        scaled = sample * self._scale
        arguments = {"generator": generator, "order": self._at - self._begin + 1, **self.step_arguments}
        if "order" in self._keywords:  # of a multistep solver: never more than its history holds
            arguments["order"] = min(arguments["order"], self.step_arguments.get("order", 4))
        if hasattr(self.inner, "noise_sampler_seed"):
            self._seed(generator, len(sample))
        moved = self.inner.step(
            self._output(model_output, scaled),
            self.inner.timesteps[self._at],
            scaled,
            return_dict=False,
            **{name: value for name, value in arguments.items() if name in self._keywords},
        )[0]
        self._at += 1
        self._scale = self._scale_here()
        return SchedulerOutput(prev_sample=(moved / self._scale).to(dtype))

    def add_noise(self, original_samples: torch.Tensor, noise: torch.Tensor, timesteps: Any) -> torch.Tensor:
        """Latents at the level of the schedule's current place, in the VP scale."""
        noised: torch.Tensor
        if self._sigma_space:
            sigma = (self._scale**2 - 1) ** 0.5
            noised = ((original_samples.float() + noise.float() * sigma) / self._scale).to(original_samples.dtype)
        else:
            noised = self.inner.add_noise(original_samples, noise, timesteps)
        return noised

    def _scale_here(self) -> float:
        """``sqrt(sigma² + 1)`` at the current place: what the inner scheduler's latents are larger by."""
        if not self._sigma_space:
            return 1.0
        if self._halves and self._at % 2 and self._at < len(self.inner.timesteps):
            # Between the halves of a step the level is in none of its lists: it is asked, as a pipeline would.
            return 1 / float(self.inner.scale_model_input(1.0, self.inner.timesteps[self._at]))
        return self._scales[self._at]

    def _output(self, noise: torch.Tensor, scaled: torch.Tensor) -> torch.Tensor:
        """The noise prediction, or for EDM the network output that its preconditioning turns into the same thing."""
        if not self._edm:
            return noise
        sigma, data = float(self.inner.sigmas[self._at]), self.config.sigma_data
        skip, out = data**2 / (sigma**2 + data**2), sigma * data / (sigma**2 + data**2) ** 0.5
        network: torch.Tensor = (scaled - sigma * noise - skip * scaled) / out
        return network

    def _timesteps(self) -> torch.Tensor:
        own: torch.Tensor = self.inner.timesteps
        if self._edm:  # its own are a function of sigma that only its networks know
            if self._levels is None:
                raise ValueError("EDM's schedulers need the alphas_cumprod of the model's noise schedule")
            sigmas = self.inner.sigmas[:-1].log().double().numpy()
            found = np.interp(sigmas, self._levels.double().numpy(), np.arange(len(self._levels)))
            own = torch.from_numpy(found).to(own.device, torch.float32)
        return own

    def _lay_out_multistep(self, skipped: int, device: Any) -> None:
        """PNDM repeats its second timestep, to begin with a step of second order: so it must from any start."""
        left = self.inner._timesteps[::-1][skipped:]
        self.inner.timesteps = torch.from_numpy(np.concatenate([left[:2], left[1:]]).astype(np.int64)).to(device)

    def _seed(self, generator: Any, images: int) -> None:
        """A Brownian path for each image, from its own generator."""
        if self.inner.noise_sampler is not None or self.inner.noise_sampler_seed is not None or generator is None:
            return
        each = generator if isinstance(generator, list) else [generator] * images
        self.inner.noise_sampler_seed = [int(torch.randint(2**63 - 1, (), generator=one)) for one in each]


def index_with_whole_numbers(pipeline: Any) -> None:
    """Let Kandinsky 2.1's image-to-image start from any scheduler.

    It computes the timestep at which it noises the picture by itself, a whole number, but in the type of the
    scheduler's timesteps; where those are no integers, it then cannot index with it.
    """

    def add_noise(original_samples: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        noised: torch.Tensor = type(pipeline).add_noise(pipeline, original_samples, noise, timesteps.long())
        return noised

    pipeline.add_noise = add_noise
