"""The optimizations that a spec may stack; for now there is the stack of nothing."""

from __future__ import annotations

OPTIMIZATIONS: dict[str, str] = {"none": "the pipeline as diffusers loads it"}
