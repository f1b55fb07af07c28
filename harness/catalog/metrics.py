"""The metrics."""

from __future__ import annotations

from harness.catalog.types import MetricRow

METRICS: dict[str, MetricRow] = {
    row.name: row
    for row in (
        MetricRow(name="clip_score", tasks=("text-to-image",), direction="higher", unit="points", per_image=True,
                  least_n=1, uses="open_clip", source="J. Hessel et al., CLIPScore, EMNLP 2021",
                  notes="100·max(cosine, 0) for each picture; the weights are part of the name"),
        MetricRow(name="frechet", tasks=("text-to-image",), direction="lower", unit="squared feature units",
                  per_image=False, least_n=None, uses="extractor",
                  source="M. Heusel et al., GANs trained by a two time-scale update rule, NeurIPS 2017",
                  notes="called fid only with the Inception weights of the literature"),
        MetricRow(name="world_truth", tasks=("text-to-image",), direction="higher", unit="share", per_image=True,
                  least_n=1, uses="judge", source="this project's world: the caption says what must be seen",
                  notes="share of pictures whose shape, both colours, size and place are all right"),
    )
}  # fmt: skip

#: The metrics that verdicts are made of, and so the ones that a margin may name: those with a value for each picture.
MARGINS = tuple(name for name, row in METRICS.items() if row.per_image)

#: What is measured besides: a margin may name these too.
MEASURES = ("latency", "peak_memory")

DEFAULT_MARGINS: dict[str, float | str] = {"clip_score": 0.3, "world_truth": 0.05, "latency": "3%", "peak_memory": "2%"}


def metric_row(name: str) -> MetricRow:
    """The metric of that name."""
    return METRICS[name]
