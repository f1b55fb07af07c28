"""Scorers, extractors, judges and depth estimators: whose weights a number may be made with."""

from __future__ import annotations

from collections.abc import Mapping

from harness.catalog.own_metrics import PREFIX, own_weights
from harness.catalog.types import Place, WeightsRow

_SHIPPED = "miniature/weights"
_OPEN_CLIP_RESIZE = "open_clip's own: shortest side, bicubic, antialiased, centre crop"
_CONVERTED = (
    "published as a pickle only ({name}); `python -m harness.score.convert {what} FILE FOLDER` makes a folder of it, "
    "and `scorers: {{{network}: FOLDER}}` in a spec names that"
)
_BILINEAR = "bilinear, antialiased, to 64×64"

WEIGHTS: dict[str, WeightsRow] = {
    row.name: row
    for row in (
        WeightsRow(name="mini-scorer", kind="open_clip", place=Place(kind="package", where=f"{_SHIPPED}/scorer"),
                   architecture="residual network 1-1-1-1 and a text transformer of 3 layers", embedding_dim=64,
                   resize=_OPEN_CLIP_RESIZE, verified=True, notes="never saw the CLIP that the miniature's prior uses"),
        WeightsRow(name="mini-extractor", kind="extractor", place=Place(kind="package", where=f"{_SHIPPED}/extractor"),
                   architecture="4 strided stages, 16 features", embedding_dim=16, resize=_BILINEAR, verified=True),
        WeightsRow(name="mini-judge", kind="judge", place=Place(kind="package", where=f"{_SHIPPED}/judge"),
                   architecture="4 strided stages, 128 features, 5 heads", embedding_dim=128, resize=_BILINEAR,
                   verified=True, notes="shares no weights with anything that is scored"),
        WeightsRow(name="mini-depth", kind="depth", place=Place(kind="package", where=f"{_SHIPPED}/depth"),
                   architecture="Depth Anything, 4 layers of 64", embedding_dim=None,
                   resize="the image processor's own", verified=True),
        WeightsRow(name="pixels", kind="pixels", place=None, architecture="none: differences of pixels",
                   embedding_dim=None, resize="none", verified=True),
        WeightsRow(name="dpt-large", kind="depth", place=Place(kind="hub", where="Intel/dpt-large"),
                   architecture="DPT-Large", embedding_dim=None, resize="the image processor's own", verified=False,
                   notes="what transformers' depth-estimation pipeline takes by default, as the guide does"),
        WeightsRow(name="ViT-B-32-laion2b", kind="open_clip",
                   place=Place(kind="hub", where="laion/CLIP-ViT-B-32-laion2B-s34B-b79K"),
                   architecture="ViT-B-32", embedding_dim=512, resize=_OPEN_CLIP_RESIZE, verified=False,
                   notes="untested with the real weights; Kandinsky 2.2 is conditioned on another CLIP (ViT-bigG-14)"),
        WeightsRow(name="lpips-vgg", kind="perceptual",
                   place=Place(kind="hub", where="timm/vgg16.tv_in1k",
                               revision="b8d8aa2dd860af9233c8c67385a8097fd6c35d3f"),
                   architecture="VGG-16 (torchvision's) with the linear layers of lpips 0.1", embedding_dim=None,
                   resize="none: pictures at their own size", verified=False, literature="lpips_vgg",
                   notes="untested with the real weights"),
        WeightsRow(name="lpips-alex", kind="perceptual", place=None,
                   architecture="AlexNet (torchvision's) with the linear layers of lpips 0.1", embedding_dim=None,
                   resize="none: pictures at their own size", verified=False, literature="lpips_alex",
                   closed=_CONVERTED.format(name="alexnet-owt-7be5be79.pth", what="alexnet", network="perceptual"),
                   notes="untested with the real weights"),
        WeightsRow(name="inception-fid", kind="extractor", place=None,
                   architecture="the Inception of 2015, converted from TensorFlow", embedding_dim=2048,
                   resize="to 299×299 by TensorFlow 1's bilinear (fid_tf), PIL's bicubic (fid_clean) or torch's "
                          "antialiased bilinear (fid_antialias)",
                   verified=False, literature="fid_tf, fid_clean, fid_antialias",
                   closed=_CONVERTED.format(name="pt_inception-2015-12-05-6726825d.pth", what="inception",
                                            network="extractor"),
                   notes="untested with the real weights"),
        WeightsRow(name="PickScore_v1", kind="preference",
                   place=Place(kind="hub", where="yuvalkirstain/PickScore_v1"),
                   architecture="CLIP ViT-H-14, tuned on Pick-a-Pic", embedding_dim=1024, resize=_OPEN_CLIP_RESIZE,
                   verified=False, literature="pick_score",
                   notes="untested with the real weights; no revision is pinned: the commit of the day is resolved and "
                          "recorded"),
        WeightsRow(name="HPSv2.1", kind="preference", place=None, architecture="CLIP ViT-H-14, tuned on HPD v2",
                   embedding_dim=1024, resize=_OPEN_CLIP_RESIZE, verified=False,
                   closed="its authors give it away as a pickle only (xswu/HPSv2, HPS_v2.1_compressed.pt), and the "
                          "safetensors copy of others (RE-N-Y/hpsv21) has no configuration; a folder with its weights "
                          "in open_clip's form opens it: `scorers: {preference: FOLDER}`",
                   notes="untested with the real weights; its authors report the cosine alone, not times the logit "
                         "scale"),
        WeightsRow(name="ImageReward", kind="preference", place=None,
                   architecture="BLIP (ViT-L-16 and a text encoder that attends to it) and five linear layers",
                   embedding_dim=768, resize=_OPEN_CLIP_RESIZE, verified=False,
                   closed="published as a pickle only (zai-org/ImageReward, ImageReward.pt); `python -m "
                          "harness.score.convert image-reward FILE FOLDER --vocabulary vocab.txt`, with the vocabulary "
                          "of bert-base-uncased, makes a folder of it, and `scorers: {preference: FOLDER}` in a spec "
                          "names that",
                   notes="untested with the real weights: its rewards stay `preference`, and the record names the file "
                         "by its SHA-256"),
    )
}  # fmt: skip


def weights_row(name: str, others: Mapping[str, WeightsRow] | None = None) -> WeightsRow:
    """The row of that name: of ``others`` (a plan's own), of a plug-in, or of the catalog; ``KeyError`` for none."""
    if others and name in others:
        return others[name]
    return own_weights(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else WEIGHTS[name]
