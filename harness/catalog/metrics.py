"""The metrics."""

from __future__ import annotations

from harness.catalog.own_metrics import own_metrics
from harness.catalog.tasks import TASKS
from harness.catalog.types import MetricRow, Task

CONVERGED = "converged_distance"
DIVERSITY = "prompt_diversity"

_CONTROLNET: tuple[Task, ...] = ("controlnet-depth-text-to-image", "controlnet-depth-image-to-image")
_FROM_A_PICTURE: tuple[Task, ...] = ("image-to-image", "controlnet-depth-image-to-image")
_SSIM = "Z. Wang et al., Image quality assessment: from error visibility to structural similarity, TIP 2004"
_PSNR = "ITU-T J.340: 10·log10(255² / mean squared difference)"
_CLIPSCORE = "J. Hessel et al., CLIPScore, EMNLP 2021"
_KYNKAANNIEMI = "T. Kynkäänniemi et al., Improved precision and recall metric, NeurIPS 2019"
_NAEEM = "M. Naeem et al., Reliable fidelity and diversity metrics, ICML 2020"
_WORLD = "this project's world: the caption says what must be seen"
_LEAST = 100  # prompts; of fewer dimensions than 50, twice these
_EIGEN = "D. Eigen et al., NeurIPS 2014; scale and shift fitted as in R. Ranftl et al., MiDaS, TPAMI 2020"

METRICS: dict[str, MetricRow] = {
    row.name: row
    for row in (
        MetricRow(name="clip_score", tasks=("text-to-image", "image-to-image", "inpainting", *_CONTROLNET),
                  direction="higher", unit="points", per_image=True, least_n=1, uses="open_clip", source=_CLIPSCORE,
                  notes="100·max(cosine, 0) for each picture; the weights are part of the name"),
        MetricRow(name="frechet", tasks=("text-to-image",), direction="lower", unit="squared feature units",
                  per_image=False, least_n=None, uses="extractor", against_set=True,
                  source="M. Heusel et al., GANs trained by a two time-scale update rule, NeurIPS 2017",
                  notes="called fid only with the Inception weights of the literature"),
        MetricRow(name="kid", tasks=("text-to-image",), direction="lower", unit="kernel units", per_image=False,
                  least_n=_LEAST, uses="extractor", against_set=True,
                  source="M. Bińkowski et al., Demystifying MMD GANs, ICLR 2018",
                  notes="cubic kernel, unbiased, over all samples: it may be negative; the extractor is in the name"),
        MetricRow(name="cmmd_unbiased", tasks=("text-to-image",), direction="lower", unit="thousandths",
                  per_image=False, least_n=_LEAST, uses="open_clip", against_set=True,
                  source="S. Jayasumana et al., Rethinking FID, CVPR 2024",
                  notes="1,000·MMD² under a Gaussian of width 10, as their code; theirs is the biased form"),
        MetricRow(name="precision", tasks=("text-to-image",), direction="higher", unit="share", per_image=False,
                  least_n=_LEAST, uses="extractor", against_set=True, source=_KYNKAANNIEMI,
                  notes="share of pictures that lie where the reference lies: within 3 nearest neighbours' reach"),
        MetricRow(name="recall", tasks=("text-to-image",), direction="higher", unit="share", per_image=False,
                  least_n=_LEAST, uses="extractor", against_set=True, source=_KYNKAANNIEMI,
                  notes="share of the reference that lies where the pictures lie; it depends on how many they are"),
        MetricRow(name="density", tasks=("text-to-image",), direction="higher", unit="ratio", per_image=False,
                  least_n=_LEAST, uses="extractor", against_set=True, source=_NAEEM,
                  notes="balls of 5 nearest neighbours that a picture lies in, over 5; may be more than 1"),
        MetricRow(name="coverage", tasks=("text-to-image",), direction="higher", unit="share", per_image=False,
                  least_n=_LEAST, uses="extractor", against_set=True, source=_NAEEM,
                  notes="share of the reference with a picture near it; it depends on how many pictures there are"),
        MetricRow(name="vendi", tasks=tuple(TASKS), direction="higher", unit="pictures", per_image=False, least_n=2,
                  uses="open_clip", source="D. Friedman and A. Dieng, The Vendi score, TMLR 2023",
                  notes="how many different pictures there are in effect; at most n, so compared at equal n only"),
        MetricRow(name=DIVERSITY, tasks=tuple(TASKS), direction="higher", unit="cosine distance", per_image=True,
                  least_n=1, uses="open_clip", source="S. Sadat et al., CADS, ICLR 2024: the mean similarity score",
                  notes="mean distance of two seeds' pictures of one prompt; more is not always better"),
        MetricRow(name="world_truth", tasks=("text-to-image",), direction="higher", unit="share", per_image=True,
                  least_n=1, uses="judge", source=_WORLD,
                  notes="share of pictures whose shape, both colours, size and place are all right"),
        MetricRow(name="world_shape", tasks=("text-to-image",), direction="higher", unit="share", per_image=True,
                  least_n=1, uses="judge", source=_WORLD, notes="share of pictures whose shape is the caption's"),
        MetricRow(name="world_colours", tasks=("text-to-image",), direction="higher", unit="share", per_image=True,
                  least_n=1, uses="judge", source=_WORLD,
                  notes="share of pictures whose shape and background both have the caption's colours"),
        MetricRow(name="world_size", tasks=("text-to-image",), direction="higher", unit="share", per_image=True,
                  least_n=1, uses="judge", source=_WORLD,
                  notes="share of pictures whose shape is as large as the caption says"),
        MetricRow(name="world_place", tasks=("text-to-image",), direction="higher", unit="share", per_image=True,
                  least_n=1, uses="judge", source=_WORLD,
                  notes="share of pictures whose shape stands where the caption says"),
        MetricRow(name="image_similarity", tasks=("image-to-image", "controlnet-depth-image-to-image"),
                  direction="higher", unit="points", per_image=True, least_n=1, uses="open_clip",
                  source="A. Radford et al., CLIP, ICML 2021: cosine of two pictures' features",
                  notes="100·cosine of a picture and the one it started from"),
        MetricRow(name="directional_similarity", tasks=_FROM_A_PICTURE, direction="higher", unit="points",
                  per_image=True, least_n=1, uses="open_clip",
                  source="R. Gal et al., StyleGAN-NADA, SIGGRAPH 2022: cosine of the pictures' and the texts' change",
                  notes="100·cosine; needs the source's caption: a row's `image_caption`; the world's are known"),
        MetricRow(name="ssim", tasks=_FROM_A_PICTURE, direction="higher", unit="similarity", per_image=True, least_n=1,
                  uses="pixels", source=_SSIM, notes="to the source; Gaussian windows of 11×11, σ 1.5, range 255"),
        MetricRow(name="psnr", tasks=_FROM_A_PICTURE, direction="higher", unit="dB", per_image=True, least_n=1,
                  uses="pixels", source=_PSNR, notes="to the source; none where nothing differs: it would be infinite"),
        MetricRow(name="ssim_outside", tasks=("inpainting",), direction="higher", unit="similarity", per_image=True,
                  least_n=1, uses="pixels", source=_SSIM,
                  notes="to the source, of windows that see nothing of the mask and its ring"),
        MetricRow(name="psnr_outside", tasks=("inpainting",), direction="higher", unit="dB", per_image=True, least_n=1,
                  uses="pixels", source=_PSNR, notes="to the source, outside the mask and its ring"),
        MetricRow(name="perceptual_distance", tasks=_FROM_A_PICTURE, direction="lower", unit="distance",
                  per_image=True, least_n=1, uses="perceptual",
                  source="R. Zhang et al., The unreasonable effectiveness of deep features, CVPR 2018 (LPIPS)",
                  notes="to the source; called lpips_alex or lpips_vgg only with the weights of the literature"),
        MetricRow(name="preference", tasks=("text-to-image", "image-to-image", "inpainting", *_CONTROLNET),
                  direction="higher", unit="the model's own", per_image=True, least_n=1, uses="preference",
                  source="Y. Kirstain et al., Pick-a-Pic (PickScore), NeurIPS 2023; X. Wu et al., HPS v2, 2023; "
                         "J. Xu et al., ImageReward, NeurIPS 2023",
                  notes="of a CLIP tuned on people's choices logit scale × cosine, pick_score only with its weights; "
                        "of ImageReward the standardised reward: numbers of two models are not comparable"),
        MetricRow(name="clip_inside", tasks=("inpainting",), direction="higher", unit="points", per_image=True,
                  least_n=1, uses="open_clip", source=_CLIPSCORE,
                  notes="CLIP score with everything outside the mask blurred, as L. Yang et al., NeurIPS 2023"),
        MetricRow(name="outside_error", tasks=("inpainting",), direction="lower", unit="levels", per_image=True,
                  least_n=1, uses="pixels", source="mean absolute difference from the source, of 255 levels",
                  notes="outside the mask, but for the ring at its edge"),
        MetricRow(name="edge_error", tasks=("inpainting",), direction="lower", unit="levels", per_image=True,
                  least_n=1, uses="pixels", source="mean absolute difference from the source, of 255 levels",
                  notes="in the ring just outside the mask, which the model repaints too"),
        MetricRow(name="mix_position", tasks=("interpolation",), direction="higher", unit="share of the way",
                  per_image=True, least_n=1, uses="open_clip",
                  source="cosine distances to both ends: a / (a + b); by inverse distance for more than two",
                  notes="0 at the first thing of a mix, 1 at the last"),
        MetricRow(name="depth_agreement", tasks=_CONTROLNET, direction="higher", unit="correlation", per_image=True,
                  least_n=1, uses="depth", source="C. Spearman, 1904",
                  notes="rank correlation of the hint and the depth estimated again from the picture"),
        MetricRow(name="depth_error", tasks=_CONTROLNET, direction="lower", unit="relative error",
                  per_image=True, least_n=1, uses="depth", source=_EIGEN,
                  notes="absolute relative error of the depth estimated again, its scale and shift fitted to the hint"),
        MetricRow(name=CONVERGED, tasks=tuple(TASKS), direction="lower", unit="levels", per_image=True, least_n=1,
                  uses="pixels", source="root mean square difference of pixels, of 255 levels",
                  notes="from the same scheduler's picture of the row at ever more steps; only where a spec names it"),
    )
}  # fmt: skip
SHIPPED = tuple(METRICS)
METRICS |= {name: own.row for name, own in own_metrics().found.items()}

_DIAGNOSTIC = ("mix_position", CONVERGED, DIVERSITY)  # they say where a picture stands, not whether it is good

#: The metrics that verdicts are made of, and so the ones that a margin may name: those with a value for each picture.
MARGINS = tuple(name for name, row in METRICS.items() if row.per_image and name not in _DIAGNOSTIC)

#: What is measured besides: a margin may name these too.
MEASURES = ("latency", "peak_memory")

DEFAULT_MARGINS: dict[str, float | str] = {
    "clip_score": 0.3, "world_truth": 0.05, "world_shape": 0.05, "world_colours": 0.05, "world_size": 0.05,
    "world_place": 0.05, "image_similarity": 0.5, "clip_inside": 0.5, "outside_error": 0.5, "edge_error": 1.0,
    "depth_agreement": 0.02, "depth_error": 0.02, "latency": "3%", "peak_memory": "2%",
}  # fmt: skip


def counts_shares(name: str) -> bool:
    """Whether it is a metric that is a share, so that its margin is a fraction below 1: 0.05 is 5 %-points."""
    return name in METRICS and METRICS[name].unit == "share"


def metric_row(name: str) -> MetricRow:
    """The metric of that name."""
    return METRICS[name]
