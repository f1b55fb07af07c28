"""The check can fail: each planted fault is called wrong, and what it was planted in is right without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from harness.catalog.types import SchedulerVariant, Task, Version
from harness.proof import deterministic, stochastic
from harness.proof.check import Cell, answer, order_of
from harness.proof.judge import judge_convergence
from harness.proof.subjects import bare, made
from harness.proof.types import Answer, Convergence, Proof, Subject
from harness.proof.walk import Course, Walk, walk
from harness.proof.whole import failures
from harness.schedulers.adapter import KandinskyScheduler

Make = Callable[[SchedulerVariant, Version, float | None], Any]
_EULER, _HEUN = SchedulerVariant(name="EulerDiscrete"), SchedulerVariant(name="HeunDiscrete")
_DDIM, _NOISY = SchedulerVariant(name="DDIM"), SchedulerVariant(name="DDIM", step={"eta": 1.0})


def _word(variant: SchedulerVariant, task: Task, strength: float | None = None) -> tuple[str, str]:
    verdict = answer(Cell(variant, "2.2", task, strength)).verdict
    return verdict.word, verdict.reason


def _proof(found: Answer) -> Proof:
    subject = Subject(variant=found.variant, answers=(found,))
    return Proof(made_with={}, digest="", processes=1, seconds=0, processor_seconds=0, subjects=(subject,),
                 attempts=(), without=(), mismatch={})  # fmt: skip


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[[Make], None]:
    """Schedulers are made as a fault would make them."""

    def faulty(make: Make) -> None:
        for module in (deterministic, stochastic):
            monkeypatch.setattr(module, "made", make)

    return faulty


@pytest.mark.parametrize(
    ("variant", "task", "strength"),
    [(_EULER, "text-to-image", None), (_HEUN, "image-to-image", 0.6), (_DDIM, "inpainting", None),
     (_NOISY, "text-to-image", None)],
)  # fmt: skip
def test_without_a_fault_they_are_right(variant: SchedulerVariant, task: Task, strength: float | None) -> None:
    assert _word(variant, task, strength) == ("right", "")


def test_euler_without_the_adapter(plant: Callable[[Make], None]) -> None:
    plant(lambda variant, version, _: bare(variant, version))
    word, reason = _word(_EULER, "text-to-image")
    assert word == "wrong" and "stays" in reason


def test_a_timestep_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a single one, which costs all but the coarsest walks a part of their order: the catalog says more of it."""
    monkeypatch.setattr(deterministic, "walk", lambda *given, **words: walk(*given, **words, late=1))
    found = answer(Cell(_HEUN, "2.2", "text-to-image", None))
    assert found.verdict.word == "slow" and "which is order" in found.verdict.reason
    assert len(failures(_proof(found))) == 1


def test_twenty_timesteps_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deterministic, "walk", lambda *given, **words: walk(*given, **words, late=20))
    assert _word(_DDIM, "text-to-image")[0] == "wrong"


def test_eta_is_ignored(plant: Callable[[Make], None]) -> None:
    plant(lambda variant, version, strength: made(_DDIM, version, strength))
    word, reason = _word(_NOISY, "text-to-image")
    assert word == "wrong" and "draws no noise" in reason


def test_the_scale_is_dropped_on_the_way_back(plant: Callable[[Make], None]) -> None:
    class Dropped(KandinskyScheduler):
        def step(self, model_output: torch.Tensor, *arguments: Any, **words: Any) -> Any:
            done = super().step(model_output, *arguments, **words)
            done.prev_sample = done.prev_sample * self._scale
            return done

    plant(lambda variant, version, strength: Dropped(bare(variant, version), strength=strength))
    assert _word(_EULER, "text-to-image")[0] == "wrong"


@pytest.mark.parametrize("variant", [_EULER, _HEUN])
def test_a_start_in_the_middle_begins_elsewhere(variant: SchedulerVariant, plant: Callable[[Make], None]) -> None:
    """A place too early, which for Heun's kind is the other half of a step."""

    class Elsewhere(KandinskyScheduler):
        def set_timesteps(self, num_inference_steps: int, device: Any = None) -> None:
            super().set_timesteps(num_inference_steps, device)
            self._begin = self._at = self._begin - 1
            self.inner.set_begin_index(self._begin)
            self.inner._step_index = None
            self._scale = self._scale_here()

    plant(lambda variant, version, strength: Elsewhere(bare(variant, version), strength=strength))
    word, reason = _word(variant, "image-to-image", 0.6)
    assert word == "wrong", reason


def test_guidance_that_changes_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a pipeline would that took the conditional half for the unconditional one's place."""

    def guided(course: Course, *given: Any, **words: Any) -> Walk:
        done = walk(course, *given, **words)
        return replace(done, end=done.end * 1.0002) if course.guidance_scale > 1 else done

    monkeypatch.setattr(deterministic, "walk", guided)
    word, reason = _word(_DDIM, "text-to-image")
    assert word == "wrong" and "guidance changes" in reason


def test_a_picture_that_is_noised_too_much(plant: Callable[[Make], None]) -> None:
    class Noisier(KandinskyScheduler):
        def add_noise(self, original_samples: torch.Tensor, noise: torch.Tensor, timesteps: Any) -> torch.Tensor:
            return super().add_noise(original_samples, 1.02 * noise, timesteps)

    plant(lambda variant, version, strength: Noisier(bare(variant, version), strength=strength))
    word, reason = _word(_EULER, "image-to-image", 0.6)
    assert word == "wrong" and "away from the picture at its noise level" in reason


def test_a_solver_that_loses_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heun's second half is left out: what is left is Euler's method."""
    from diffusers import HeunDiscreteScheduler

    assert order_of(_HEUN).kept
    real = HeunDiscreteScheduler.step

    def halved(self: Any, model_output: torch.Tensor, timestep: Any, sample: torch.Tensor, **words: Any) -> Any:
        if not self.state_in_first_order:
            model_output = self.prev_derivative
        return real(self, model_output, timestep, sample, **words)

    monkeypatch.setattr(HeunDiscreteScheduler, "step", halved)
    found = order_of(_HEUN)
    assert not found.kept and found.cause is None and found.order.own == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize(
    ("errors", "word", "told"),
    [
        ((0.060, 0.008), "right", ""),  # order 0.97
        ((0.060, 0.012), "slow", "above 0.010"),
        ((0.040, 0.009), "slow", "order 0.72"),
        ((0.060, 0.031), "wrong", "stays"),
        ((0.0018, 0.0018), "right", ""),  # below what can be told
    ],
)
def test_right_slow_and_wrong(errors: tuple[float, float], word: str, told: str) -> None:
    found = Convergence(steps=(16, 128), errors=tuple((one,) for one in errors), calls=(16, 128), first_sigma=12,
                        guidance_difference=0)  # fmt: skip
    verdict = judge_convergence(found, begins_exactly=True)
    assert verdict.word == word and told in verdict.reason


def test_inpainting_that_does_not_keep_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deterministic, "SOURCE", 0.7499)
    word, reason = _word(_DDIM, "inpainting")
    assert word == "wrong" and "inpainting must keep" in reason


def test_noise_that_is_too_wide_is_seen_in_real_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    from diffusers.schedulers import scheduling_ddim

    real = scheduling_ddim.randn_tensor
    monkeypatch.setattr(scheduling_ddim, "randn_tensor", lambda *given, **words: 1.2 * real(*given, **words))
    word, reason = _word(_NOISY, "text-to-image")
    assert word == "wrong" and "standard errors" in reason
