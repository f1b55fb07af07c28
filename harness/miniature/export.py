"""The finished parts in the formats that the real models have: `save_pretrained` folders, half precision, no pickle."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file

from harness.catalog.world import ATTRIBUTES, VOCABULARIES
from harness.errors import UsageError
from harness.miniature import export_3, export_21, export_22, tokens
from harness.miniature.cards import card
from harness.miniature.data import held_out_set
from harness.miniature.networks import PIXEL_MEAN, PIXEL_STD, SCORER
from harness.miniature.workshop import Workshop
from harness.score.attribute_net import CONFIG, WEIGHTS

REFERENCE_PICTURES = 4_096


def export(shop: Workshop, out: Path, members: tuple[str, ...] = ()) -> None:
    """Write members of the family (all, if none is named) below ``out``; the others there are left as they are."""
    unknown = sorted(set(members) - set(MEMBERS))
    if unknown:
        raise UsageError(f"There is no member {unknown[0]!r}.", expected="one of " + ", ".join(MEMBERS))
    for name in members or tuple(MEMBERS):
        shutil.rmtree(out / name, ignore_errors=True)
        MEMBERS[name](shop, out / name)


def _scorer(shop: Workshop, folder: Path) -> None:
    folder.mkdir(parents=True)
    tokens.save(folder)
    config = {
        "model_cfg": SCORER,
        "preprocess_cfg": {"mean": PIXEL_MEAN, "std": PIXEL_STD, "interpolation": "bicubic", "resize_mode": "shortest"},
    }
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=1) + "\n")
    clip = shop.part("scorer").clip
    save_file({k: _half(v) for k, v in clip.state_dict().items()}, folder / "open_clip_model.safetensors")
    card(shop, folder, ("scorer",))


def _extractor(shop: Workshop, folder: Path) -> None:
    _attribute_net(shop, "extractor", folder)
    _reference_statistics(folder)


def _judge(shop: Workshop, folder: Path) -> None:
    _attribute_net(shop, "judge", folder)


def _attribute_net(shop: Workshop, name: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    net = shop.part(name)
    (folder / CONFIG).write_text(net.config.model_dump_json(indent=1) + "\n")
    save_file({k: _half(v) for k, v in net.state_dict().items()}, folder / WEIGHTS)
    vocabulary = {attribute: VOCABULARIES[attribute] for attribute in ATTRIBUTES}
    (folder / "attributes.json").write_text(json.dumps(vocabulary, indent=1) + "\n")
    card(shop, folder, (name,))


@torch.inference_mode()
def _reference_statistics(folder: Path) -> None:
    """Mean and covariance of the shipped extractor's features on pictures of held-out captions."""
    from harness.score.extractor import load_extractor
    from harness.score.folder_forms import weights_sha256

    net, pictures = load_extractor(folder), held_out_set(REFERENCE_PICTURES, seed=3)
    chunks = range(0, REFERENCE_PICTURES, 512)
    rows = [torch.from_numpy(pictures.pixels[i : i + 512]).permute(0, 3, 1, 2).float() / 255 for i in chunks]
    features = torch.cat([net(chunk) for chunk in rows]).double()
    made_by = {"pictures": str(REFERENCE_PICTURES), "of": "captions held out from training", "seed": "3"}
    side = net.config.side
    made_by |= {"weights_sha256": weights_sha256(folder), "resize": f"bilinear, antialiased, to {side}×{side}"}
    tensors = {"mean": features.mean(0), "covariance": torch.cov(features.T), "n": torch.tensor(REFERENCE_PICTURES)}
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / "reference_statistics.safetensors", made_by)


def _half(tensor: torch.Tensor) -> torch.Tensor:
    return (tensor.half() if tensor.is_floating_point() else tensor).clone().contiguous()


MEMBERS: dict[str, Callable[[Workshop, Path], None]] = {
    "mini-2.2/prior": export_22.prior,
    "mini-2.2/decoder": export_22.decoder,
    "mini-2.2/inpaint": export_22.inpaint,
    "mini-2.2/controlnet": export_22.controlnet,
    "mini-2.1/prior": export_21.prior,
    "mini-2.1/decoder": export_21.decoder,
    "mini-2.1/inpaint": export_21.inpaint,
    "mini-3/decoder": export_3.decoder,
    "depth": export_22.depth,
    "scorer": _scorer,
    "extractor": _extractor,
    "judge": _judge,
}
