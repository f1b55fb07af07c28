"""Faults that a gate must find, planted into every Python process that starts with this file's copy on its path.

``support.planted`` copies it as ``sitecustomize.py``; ``HARNESS_PLANTED`` names the fault. The sources, and so
every key of the store, are the same with and without it: a planted run needs a store of its own.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.util
import inspect
import io
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

VARIABLE = "HARNESS_PLANTED"
WORDS_LEFT = 3  # of a prompt that is cut
SLOWER = 0.10  # a share of each call of the UNet
JPEG_QUALITY = 50


def _scaling(module: Any) -> None:
    """The latents of a sigma-space scheduler are no longer brought into its scale."""
    module.KandinskyScheduler._scale_here = lambda self: 1.0


def _guidance(module: Any) -> None:
    """The decoder is guided by one more than was asked for."""
    _before_call(module, lambda known: {**known, "guidance_scale": known["guidance_scale"] + 1})


def _prompt(module: Any) -> None:
    """The prior reads the first words of each prompt only."""
    _before_call(module, lambda known: {**known, "prompt": _cut(known["prompt"])})


def _cut(prompt: str | list[str]) -> str | list[str]:
    if isinstance(prompt, list):
        return [" ".join(one.split()[:WORDS_LEFT]) for one in prompt]
    return " ".join(prompt.split()[:WORDS_LEFT])


def _before_call(module: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change the arguments that every pipeline of the module is called with."""
    for kind in [one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__]:
        if "__call__" in vars(kind):
            kind.__call__ = _changed(kind.__call__, change)  # type: ignore[method-assign, misc]


def _changed(call: Callable[..., Any], change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[..., Any]:
    signature = inspect.signature(call)

    @functools.wraps(call)
    def changed(*arguments: Any, **known: Any) -> Any:
        bound = signature.bind(*arguments, **known)
        bound.apply_defaults()
        bound.arguments.update(change(dict(bound.arguments)))
        return call(*bound.args, **bound.kwargs)

    return changed


def _channels(module: Any) -> None:
    """Red and blue change places."""
    _after_bytes(module, lambda pictures: pictures[..., ::-1].copy())


def _jpeg(module: Any) -> None:
    """Every picture has been a JPEG."""
    _after_bytes(module, _through_jpeg)


def _after_bytes(module: Any, change: Callable[[Any], Any]) -> None:
    """In diffusers' own conversion, which its pipelines call for ``output_type="pil"``."""
    made = module.numpy_to_pil

    def changed(images: Any) -> list[Any]:
        import numpy as np
        from PIL import Image

        return [Image.fromarray(one) for one in change(np.stack([np.asarray(one) for one in made(images)]))]

    module.numpy_to_pil = changed


def _through_jpeg(pictures: Any) -> Any:
    import numpy as np
    from PIL import Image

    lossy = []
    for picture in pictures:
        with io.BytesIO() as file:
            Image.fromarray(picture).save(file, "JPEG", quality=JPEG_QUALITY)
            with Image.open(file) as image:
                lossy.append(np.asarray(image))
    return np.stack(lossy)


def _slow(module: Any) -> None:
    """Each call of the UNet takes a tenth longer, and works for all of it."""
    kind = module.UNet2DConditionModel
    forward = kind.forward

    @functools.wraps(forward)
    def slower(self: Any, *arguments: Any, **known: Any) -> Any:
        began = time.perf_counter()
        result = forward(self, *arguments, **known)
        end = time.perf_counter() + SLOWER * (time.perf_counter() - began)
        while time.perf_counter() < end:
            pass
        return result

    kind.forward = slower


@dataclass(frozen=True)
class Fault:
    """What goes wrong in which module, once that is imported."""

    words: str
    modules: tuple[str, ...]
    plant: Callable[[Any], None]


_DECODERS = ("diffusers.pipelines.kandinsky2_2.pipeline_kandinsky2_2",
             "diffusers.pipelines.kandinsky2_2.pipeline_kandinsky2_2_img2img")  # fmt: skip
FAULTS: dict[str, Fault] = {
    "scaling": Fault("a sigma-space scheduler without its scaling", ("harness.schedulers.adapter",), _scaling),
    "guidance": Fault("guidance off by one", _DECODERS, _guidance),
    "channels": Fault("red and blue swapped", ("diffusers.utils.pil_utils",), _channels),
    "jpeg": Fault(f"outputs that were JPEGs of quality {JPEG_QUALITY}", ("diffusers.utils.pil_utils",), _jpeg),
    "prompt": Fault(f"prompts cut after {WORDS_LEFT} words",
                    ("diffusers.pipelines.kandinsky2_2.pipeline_kandinsky2_2_prior",), _prompt),
    "slow": Fault("a UNet that is a tenth slower", ("diffusers.models.unets.unet_2d_condition",), _slow),
}  # fmt: skip


class _Finder(importlib.abc.MetaPathFinder):
    """Plants the fault in a module as soon as it has been imported."""

    def __init__(self, fault: Fault) -> None:
        self.fault, self.left = fault, set(fault.modules)

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        """The module's own spec, with the fault planted after its code has run."""
        del path, target
        if name not in self.left:
            return None
        self.left.discard(name)
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.loader is not None
        run = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            run(module)
            self.fault.plant(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if VARIABLE in os.environ:
    sys.meta_path.insert(0, _Finder(FAULTS[os.environ[VARIABLE]]))
