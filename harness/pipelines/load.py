"""Load a group's pipelines through the real classes: from the package, a folder, or the hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers import KandinskyV22Pipeline, KandinskyV22PriorPipeline
from huggingface_hub import snapshot_download
from safetensors import SafetensorError
from transformers import CLIPTextModelWithProjection, CLIPVisionModelWithProjection

from harness.catalog.types import ModelRow, Place
from harness.errors import MissingError, UsageError
from harness.hub import asking_the_hub
from harness.pipelines.failures import memory_guard
from harness.pipelines.places import COMPONENTS, DDPM_FOLDER, PartName, check_part, local_folder, pickle_only
from harness.plan.types import LoadGroup

_CLASSES: dict[PartName, Any] = {"prior": KandinskyV22PriorPipeline, "decoder": KandinskyV22Pipeline}
_ENCODERS: dict[str, Any] = {
    "text_encoder": CLIPTextModelWithProjection,
    "image_encoder": CLIPVisionModelWithProjection,
}


@dataclass(frozen=True)
class Loaded:
    """A prior and a decoder, ready on their device, and the decoder's own scheduler as it was loaded."""

    group: LoadGroup
    model: ModelRow
    device: torch.device
    prior: Any  # KandinskyV22PriorPipeline
    decoder: Any  # KandinskyV22Pipeline
    own_scheduler: Any
    decoder_folder: Path


def load_group(group: LoadGroup, model: ModelRow, device: str) -> Loaded:
    """Load the group's prior and decoder in its dtype onto ``device`` ("cpu", "cuda:0", "mps").

    Raises:
        MissingError: a folder, a component or a repository is missing, or weights are pickled only.
        UsageError: the group asks for an optimization, or a component for foreign code.
        PictureError: the weights do not fit into memory.
    """
    if group.optimizations:
        raise UsageError(f"No optimization is known by the name {group.optimizations[0]!r}.", expected="none")
    _be_quiet()
    place = torch.device(device)
    dtype = getattr(torch, group.dtype)
    prior_folder, decoder_folder = folder_of(model.prior, "prior"), folder_of(model.decoder, "decoder")
    with memory_guard(place):
        prior = _pipeline("prior", prior_folder, model.prior.variant, dtype, place)
        decoder = _pipeline("decoder", decoder_folder, model.decoder.variant, dtype, place)
    return Loaded(group, model, place, prior, decoder, decoder.scheduler, decoder_folder)


def folder_of(place: Place, part: PartName) -> Path:
    """The checked folder of a part; a hub's repository is downloaded, or found in the cache that HF_HOME names."""
    folder = local_folder(place) or _download(place, part)
    check_part(folder, part)
    return folder


def _download(place: Place, part: PartName) -> Path:
    """HF_HOME, HF_TOKEN and HF_HUB_OFFLINE are honoured by the hub's own client."""
    with asking_the_hub(part, place), _pickles_refused(place, part):
        folder = Path(
            _CLASSES[part].download(
                place.where,
                revision=place.revision,
                variant=place.variant,
                use_safetensors=True,
                trust_remote_code=False,
            )
        )
        # No component, and so not downloaded with the pipeline: the guide's DDPM.
        snapshot_download(place.where, revision=place.revision, allow_patterns=[f"{DDPM_FOLDER}/*"])
        return folder


@contextmanager
def _pickles_refused(place: Place, part: PartName) -> Iterator[None]:
    """What diffusers says of a repository without safetensors, in our words."""
    try:
        yield
    except (OSError, ValueError) as error:
        if "safetensors" not in str(error):
            raise
        raise pickle_only(place.where, part, "every version that was found") from error


def _pipeline(part: PartName, folder: Path, variant: str | None, dtype: torch.dtype, device: torch.device) -> Any:
    options = {"dtype": dtype, "variant": variant, "use_safetensors": True, "local_files_only": True}
    try:
        encoders = {name: _encoder(folder / name, options) for name in COMPONENTS[part] if name in _ENCODERS}
        pipeline = _CLASSES[part].from_pretrained(folder, **encoders, **options)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise MissingError(
            f"The {part} in {folder} cannot be loaded: {type(error).__name__}: {str(error).strip()[:300]}",
            expected="whole files, as `save_pretrained` writes them",
            do="download or save the model again; a cut-off file is the usual cause",
        ) from error
    for name, component in pipeline.components.items():
        if isinstance(component, torch.nn.Module):
            # diffusers leaves a parameter without weights on the meta device.
            _require_whole(folder / name, [n for n, p in component.named_parameters() if p.is_meta])
            component.eval()
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def _encoder(folder: Path, options: dict[str, Any]) -> Any:
    """A transformers model, loaded by itself: inside a pipeline it would draw missing weights at random and go on."""
    model, told = _ENCODERS[folder.name].from_pretrained(folder, output_loading_info=True, **options)
    _require_whole(folder, sorted(told["missing_keys"]))
    return model


def _require_whole(folder: Path, missing: list[str]) -> None:
    if missing:
        raise MissingError(
            f"The weights in {folder} lack {len(missing)} tensors, {missing[0]} among them.",
            expected="the whole model: with missing weights its pictures would mean nothing",
            do="download or save the model again",
        )


def _be_quiet() -> None:
    """The harness shows its own progress; the libraries' bars and chatter would only garble a log."""
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
