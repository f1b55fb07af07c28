"""The one training loop: AdamW, cosine, an average of the weights, checkpoints without pickle, resumable to the bit.

Every random number of a step follows from the recipe's seed and the step's number, so that a resumed training needs no
generator's state to repeat an uninterrupted one.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from harness.miniature.recipes import Recipe
from harness.miniature.workshop import Workshop

_WARM_UP = 100
_SAVE_EVERY_S = 180.0
_TELL_EVERY = 50

Say = Callable[[str], None]


@dataclass
class Training:
    """A part on its way."""

    recipe: Recipe
    model: nn.Module
    optimizer: torch.optim.AdamW
    average: dict[str, torch.Tensor]
    step: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)


def train(recipe: Recipe, shop: Workshop, say: Say = print, until: int | None = None) -> Path:
    """Train a part to its end (or to step ``until``), from its last checkpoint if there is one; its file's path."""
    finished = shop.part_file(recipe.name)
    if finished.exists():
        return finished
    checkpoint = shop.checkpoint_file(recipe.name)
    training = begin(recipe, shop)
    if checkpoint.exists():
        restore(training, checkpoint)
        say(f"{recipe.name}: continued at step {training.step}")
    _loop(training, shop, checkpoint, say, min(until or recipe.steps, recipe.steps))
    if training.step >= recipe.steps:
        _finish(training, shop, finished)
    return finished


def begin(recipe: Recipe, shop: Workshop) -> Training:
    """A part's first weights and its optimizer."""
    torch.manual_seed(recipe.seed)
    model = recipe.build()
    if recipe.starts_from is not None:
        inherit(model, shop.part(recipe.starts_from).state_dict())
    model.to(memory_format=torch.channels_last)  # a third faster on a CPU
    for name, weight in model.named_parameters():
        weight.requires_grad_(not recipe.trains or name.startswith(recipe.trains))
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=recipe.lr, weight_decay=recipe.weight_decay, betas=(0.9, 0.99))
    average = {k: v.clone() for k, v in model.state_dict().items()} if recipe.ema else {}
    return Training(recipe, model.train(), optimizer, average)


@torch.no_grad()
def inherit(model: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Begin with another part's weights. Input channels that it lacks start at zero, layers that it lacks as they are.

    Raises:
        ValueError: the other part has weights that find no place.
    """
    own = model.state_dict()
    for name, value in weights.items():
        room = own[name] if name in own else value.new_empty(0)
        narrowed = room[:, : value.shape[1]] if room.dim() > 1 and value.dim() > 1 else room
        if narrowed.shape != value.shape:
            raise ValueError(f"{name} {tuple(value.shape)} finds no place in {tuple(room.shape)}")
        room.zero_()
        narrowed.copy_(value)


def _loop(training: Training, shop: Workshop, checkpoint: Path, say: Say, until: int) -> None:
    saved = time.monotonic()
    while training.step < until:
        began = time.monotonic()
        _step(training, shop)
        training.seconds += time.monotonic() - began
        if training.step % _TELL_EVERY == 0:
            say(_progress(training))
        if time.monotonic() - saved > _SAVE_EVERY_S or training.step == until:
            keep(training, checkpoint)
            saved = time.monotonic()


def _step(training: Training, shop: Workshop) -> None:
    recipe, step = training.recipe, training.step
    rng = np.random.default_rng((recipe.seed, step))
    torch.manual_seed(recipe.seed * 1_000_003 + step)
    for group in training.optimizer.param_groups:
        group["lr"] = recipe.lr * rate(step, recipe.steps)
    loss = recipe.loss(shop, training.model, recipe.batch, step / recipe.steps, rng)
    training.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    nn.utils.clip_grad_norm_(training.model.parameters(), 1.0)
    training.optimizer.step()
    training.step += 1
    training.losses.append(float(loss.detach()))
    if recipe.ema:
        decay = min(recipe.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, value in training.model.state_dict().items():
                if value.is_floating_point():
                    training.average[name].lerp_(value, 1 - decay)


def rate(step: int, steps: int) -> float:
    """Share of the learning rate: a short rise, then a cosine to zero."""
    rise = min(1.0, (step + 1) / min(_WARM_UP, max(steps // 10, 1)))
    return rise * 0.5 * (1 + math.cos(math.pi * step / steps))


def _progress(training: Training) -> str:
    pictures = training.step * training.recipe.batch
    speed = pictures / training.seconds
    left = (training.recipe.steps - training.step) * training.recipe.batch / speed / 60
    loss = float(np.mean(training.losses[-_TELL_EVERY:]))
    name, steps = training.recipe.name, training.recipe.steps
    return f"{name}: step {training.step}/{steps}, loss {loss:.4f}, {speed:.0f} pictures/s, {left:.0f} min left"


def keep(training: Training, path: Path) -> None:
    """Write a checkpoint: weights, average, optimizer, step."""
    tensors = {f"model.{k}": v for k, v in training.model.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in training.average.items()}
    for index, state in training.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{k}": v for k, v in state.items()}
    facts = {"step": training.step, "seconds": training.seconds, "losses": training.losses}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    save_file({k: v.clone().contiguous() for k, v in tensors.items()}, partial, {"facts": json.dumps(facts)})
    partial.replace(path)


def restore(training: Training, path: Path) -> None:
    """Read a checkpoint back into a training that has just begun."""
    with safe_open(path, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
        facts = json.loads(file.metadata()["facts"])
    parts: dict[str, dict[str, torch.Tensor]] = {"model": {}, "average": {}, "optimizer": {}}
    for key, value in tensors.items():
        kind, _, name = key.partition(".")
        parts[kind][name] = value
    training.model.load_state_dict(parts["model"])
    training.average = parts["average"]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in parts["optimizer"].items():
        index, _, name = key.partition(".")
        state.setdefault(int(index), {})[name] = value
    groups = training.optimizer.state_dict()["param_groups"]
    training.optimizer.load_state_dict({"state": state, "param_groups": groups})
    training.step, training.seconds, training.losses = facts["step"], facts["seconds"], facts["losses"]


def _finish(training: Training, shop: Workshop, path: Path) -> None:
    training.model.load_state_dict(training.average or training.model.state_dict())
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    facts = {"recipe": training.recipe.name, "steps": training.step, "batch": training.recipe.batch,
             "seconds": round(training.seconds, 1), "loss": float(np.mean(training.losses[-200:])),
             "threads": torch.get_num_threads()}  # fmt: skip
    if training.recipe.finish is not None:
        training.recipe.finish(shop, training.model.eval())
    tensors = {k: v.clone().contiguous() for k, v in training.model.state_dict().items()}
    save_file(tensors, partial, {"facts": json.dumps(facts)})
    partial.replace(path)
