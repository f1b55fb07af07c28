"""What stands beside exported weights: a model card for people and loaders, and what was trained for how long."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import safe_open

from harness.catalog.world import split
from harness.miniature.recipes import RECIPES, digest_of
from harness.miniature.workshop import Workshop

_README = """---
license: mit
library_name: {library}
tags: [kandinsky, miniature]
{prior}---

# Miniature Kandinsky {title}

{what}, trained on a procedural world of captioned shapes,
64×64 pixels. It is made by `harness miniature build` and knows nothing but that world: a tool for tests and
demonstrations, not a picture model. What was trained how long, and how good it is: `docs/miniature.md` in the project.
"""


def readme(folder: Path, title: str, what: str, prior: str | None = None, library: str = "diffusers") -> None:
    """The model card; combined pipelines find a decoder's prior by its ``prior:`` field."""
    field = f"prior:\n- {prior}\n" if prior else ""  # a list: diffusers takes the first of it
    (folder / "README.md").write_text(_README.format(title=title, what=what, prior=field, library=library))


def card(shop: Workshop, folder: Path, parts: tuple[str, ...]) -> None:
    """What was trained, from which recipe, for how long."""
    train, held_out = split()
    facts = {
        "parts": {name: _facts(shop, name) for name in parts},
        "training_captions": len(train),
        "held_out_captions": len(held_out),
        "training_pictures": len(shop.pictures.pixels),
    }
    (folder / "card.json").write_text(json.dumps(facts, indent=1) + "\n")


def _facts(shop: Workshop, name: str) -> dict[str, Any]:
    with safe_open(shop.part_file(name), framework="pt") as file:
        facts: dict[str, Any] = json.loads(file.metadata()["facts"])
    recipe = RECIPES[name]
    return facts | {"seed": recipe.seed, "learning_rate": recipe.lr, "recipe_digest": digest_of(name)[:16]}
