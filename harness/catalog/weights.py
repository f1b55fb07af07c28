"""Scorers, extractors, judges and depth estimators: whose weights a number may be made with."""

from __future__ import annotations

from harness.catalog.types import Place, WeightsRow

_SHIPPED = "miniature/weights"
_OPEN_CLIP_RESIZE = "open_clip's own: shortest side, bicubic, antialiased, centre crop"
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
    )
}  # fmt: skip
