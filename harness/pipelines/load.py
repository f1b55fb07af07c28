"""Load a group's pipelines through the real classes: from the package, a folder, or the hub."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers.pipelines.kandinsky.text_encoder import MultilingualCLIP
from huggingface_hub import snapshot_download
from safetensors import SafetensorError
from transformers import CLIPTextModelWithProjection, CLIPVisionModelWithProjection, T5EncoderModel

from harness.catalog.own_schedulers import DDPM_FOLDER
from harness.catalog.tasks import TASKS, parts_of, pipelines_of
from harness.catalog.types import ModelRow, PartName, Place, Version
from harness.errors import MissingError
from harness.hub import asking_the_hub
from harness.optimizations.stack import Applied, apply_stack, as_at_first, offloads
from harness.pipelines.failures import memory_guard, release
from harness.pipelines.places import check_part, local_folder, pickle_only, pipeline_class
from harness.plan.types import LoadGroup
from harness.schedulers.adapter import index_with_whole_numbers

_PRIORS = {"text_encoder": CLIPTextModelWithProjection, "image_encoder": CLIPVisionModelWithProjection}
_DECODERS: dict[Version, dict[str, Any]] = {
    "2.1": {"text_encoder": MultilingualCLIP},
    "2.2": {},
    "3": {"text_encoder": T5EncoderModel},
}


@dataclass
class Loaded:
    """A group's pipelines, ready on their device, and the decoder's own scheduler as it was loaded.

    ``decoder`` holds the UNet and the MoVQ in any form of the API: in the combined form of 2.x it and ``prior`` are the
    combined pipeline's inner ones, on 3 it is the combined pipeline itself. Where the stack releases the prior, one of
    the two is loaded at a time, and the other is ``None``: ``turn_to`` exchanges them.
    """

    group: LoadGroup
    model: ModelRow
    device: torch.device
    prior: Any  # None on 3
    decoder: Any
    combined: Any  # None in the two-stage form
    own_scheduler: Any
    decoder_folder: Path
    prior_words: Any = None  # the prior's tokenizer
    applied: Applied = field(default_factory=Applied)
    load_alone: Callable[[PartName], Any] | None = None  # loads one part; ``None``: both stay
    loads: Counter[str] = field(default_factory=Counter)  # of parts that were exchanged

    @property
    def part(self) -> PartName:
        """Whose weights decode."""
        return TASKS[self.group.task].part

    def turn_to(self, part: PartName) -> None:
        """Have the prior (``"prior"``) or the decoder (any other part) loaded, and where only one may be, only it."""
        wanted = "prior" if part == "prior" else "decoder"
        if self.load_alone is None or getattr(self, wanted) is not None:
            return
        self.prior = self.decoder = None
        release(self.device)
        setattr(self, wanted, self.load_alone(part))
        self.loads[wanted] += 1

    def set_scheduler(self, scheduler: Any) -> None:
        """Give the decoder a scheduler: to the pipeline that runs, and to the one that holds it."""
        self.decoder.scheduler = scheduler
        if (self.model.version, self.group.task) == ("2.1", "image-to-image"):
            index_with_whole_numbers(self.decoder)
        if self.combined is not None:
            self.combined.scheduler = scheduler


def load_group(group: LoadGroup, model: ModelRow, device: str) -> Loaded:
    """Load the classes of the group's task in its dtype onto ``device`` ("cpu", "cuda:0", "mps").

    Raises:
        MissingError: a folder, a component or a repository is missing, or weights are pickled only.
        UsageError: an optimization cannot be applied, or a component asks for foreign code.
        PictureError: the weights do not fit into memory.
    """
    _be_quiet()
    as_at_first()
    target, part = torch.device(device), TASKS[group.task].part
    folders = {p: folder_of(model.parts[p], p, model.version) for p in parts_of(model, group.task)}

    def load(name: PartName) -> Any:
        made = _pipeline(folders[name], name, model, group)
        return made if offloads(group.optimizations) else made.to(target)  # hooks bring what they offload by themselves

    alone = any(one.name == "release-prior" for one in group.optimizations)
    with memory_guard(target):
        prior = load("prior") if "prior" in folders else None
        words = None if prior is None else prior.tokenizer
        if alone:  # never both at once
            prior = None
            release(target)
        prior, decoder, combined = _formed(group, model.version, prior, load(part))
        own = decoder.scheduler
        loaded = Loaded(group, model, target, prior, decoder, combined, own, folders[part], prior_words=words)
        loaded.applied = apply_stack(loaded, group.optimizations)
        loaded.load_alone = _reloading(loaded, load) if alone else None
    return loaded


def _reloading(loaded: Loaded, load: Callable[[PartName], Any]) -> Callable[[PartName], Any]:
    """Loads a part; to a decoder it applies the stack again, which has nothing for a prior that is released."""

    def reload(part: PartName) -> Any:
        pipeline = load(part)
        if part != "prior":
            as_at_first()  # what the stack sets for the process is looked at anew too
            loaded.applied = apply_stack(replace(loaded, decoder=pipeline), loaded.group.optimizations)
        return pipeline

    return reload


def _formed(group: LoadGroup, version: Version, prior: Any, decoder: Any) -> tuple[Any, Any, Any]:
    """Prior, decoder and combined pipeline in the form that the group asks for.

    A combined pipeline is put together from loaded parts: its own ``from_pretrained`` hands the decoder's revision to
    the prior's repository, and reads a relative ``prior:`` of the model card from the working directory.
    """
    if group.api == "two-stage":
        return prior, decoder, None
    if prior is None:
        return None, decoder, decoder
    inner = {f"prior_{name}": component for name, component in prior.components.items()}
    combined = getattr(diffusers, str(pipelines_of(group.task, version).combined))(**decoder.components, **inner)
    combined.set_progress_bar_config(disable=True)
    return combined.prior_pipe, combined.decoder_pipe, combined


def folder_of(place: Place, part: PartName, version: Version) -> Path:
    """The checked folder of a part; a hub's repository is downloaded, or found in the cache that HF_HOME names."""
    folder = local_folder(place) or _download(place, part, version)
    check_part(folder, part, version)
    return folder


def _download(place: Place, part: PartName, version: Version) -> Path:
    """HF_HOME, HF_TOKEN and HF_HUB_OFFLINE are honoured by the hub's own client."""
    with asking_the_hub(part, place), _pickles_refused(place, part, version):
        folder = Path(
            getattr(diffusers, pipeline_class(part, version)).download(
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
def _pickles_refused(place: Place, part: PartName, version: Version) -> Iterator[None]:
    """What diffusers says of a repository without safetensors, in our words."""
    try:
        yield
    except (OSError, ValueError) as error:
        if "safetensors" not in str(error):
            raise
        raise pickle_only(place.where, part, version, "every version that was found") from error


def _pipeline(folder: Path, part: PartName, model: ModelRow, group: LoadGroup) -> Any:
    """The part in the class that the task wants, whichever of its kin the folder names; whole, and not in training."""
    options = {"dtype": getattr(torch, group.dtype), "variant": model.parts[part].variant, "use_safetensors": True,
               "local_files_only": True}  # fmt: skip
    classes = pipelines_of(group.task, model.version)
    wanted = classes.prior if part == "prior" else classes.decoder or classes.combined
    try:
        encoders = _PRIORS if part == "prior" else _DECODERS[model.version]
        loaded = {name: _encoder(cls, folder / name, options) for name, cls in encoders.items()}
        pipeline = getattr(diffusers, str(wanted)).from_pretrained(folder, **loaded, **options)
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
    return pipeline


def _encoder(cls: Any, folder: Path, options: dict[str, Any]) -> Any:
    """A transformers model, loaded by itself: inside a pipeline it would draw missing weights at random and go on."""
    model, told = cls.from_pretrained(folder, output_loading_info=True, **options)
    # XLM-RoBERTa's pooler is never asked: Kandinsky 2.1 reads the states below it.
    _require_whole(folder, sorted(name for name in told["missing_keys"] if ".pooler." not in name))
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
    # It rounds the ends of its interval to float32 and then wonders that they are not the float64 ones.
    warnings.filterwarnings("ignore", "Should have t[ab]", UserWarning, r"torchsde\.")
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
