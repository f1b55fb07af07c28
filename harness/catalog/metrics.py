"""The metrics."""

from __future__ import annotations

from harness.catalog.tasks import TASKS
from harness.catalog.types import MetricRow, Task

CONVERGED = "converged_distance"

_CONTROLNET: tuple[Task, ...] = ("controlnet-depth-text-to-image", "controlnet-depth-image-to-image")
_CLIPSCORE = "J. Hessel et al., CLIPScore, EMNLP 2021"
_EIGEN = "D. Eigen et al., NeurIPS 2014; scale and shift fitted as in R. Ranftl et al., MiDaS, TPAMI 2020"

METRICS: dict[str, MetricRow] = {
    row.name: row
    for row in (
        MetricRow(name="clip_score", tasks=("text-to-image", "image-to-image", "inpainting", *_CONTROLNET),
                  direction="higher", unit="points", per_image=True, least_n=1, uses="open_clip", source=_CLIPSCORE,
                  notes="100·max(cosine, 0) for each picture; the weights are part of the name"),
        MetricRow(name="frechet", tasks=("text-to-image",), direction="lower", unit="squared feature units",
                  per_image=False, least_n=None, uses="extractor",
                  source="M. Heusel et al., GANs trained by a two time-scale update rule, NeurIPS 2017",
                  notes="called fid only with the Inception weights of the literature"),
        MetricRow(name="world_truth", tasks=("text-to-image",), direction="higher", unit="share", per_image=True,
                  least_n=1, uses="judge", source="this project's world: the caption says what must be seen",
                  notes="share of pictures whose shape, both colours, size and place are all right"),
        MetricRow(name="image_similarity", tasks=("image-to-image", "controlnet-depth-image-to-image"),
                  direction="higher", unit="points", per_image=True, least_n=1, uses="open_clip",
                  source="A. Radford et al., CLIP, ICML 2021: cosine of two pictures' features",
                  notes="100·cosine of a picture and the one it started from"),
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

_DIAGNOSTIC = ("mix_position", CONVERGED)  # they say where a picture stands, not whether it is good

#: The metrics that verdicts are made of, and so the ones that a margin may name: those with a value for each picture.
MARGINS = tuple(name for name, row in METRICS.items() if row.per_image and name not in _DIAGNOSTIC)

#: What is measured besides: a margin may name these too.
MEASURES = ("latency", "peak_memory")

DEFAULT_MARGINS: dict[str, float | str] = {
    "clip_score": 0.3, "world_truth": 0.05, "image_similarity": 0.5, "clip_inside": 0.5, "outside_error": 0.5,
    "edge_error": 1.0, "depth_agreement": 0.02, "depth_error": 0.02, "latency": "3%", "peak_memory": "2%",
}  # fmt: skip


def metric_row(name: str) -> MetricRow:
    """The metric of that name."""
    return METRICS[name]
