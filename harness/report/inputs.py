"""What the pictures of a task start from: its image, its mask, its hint, or the things of a mix."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from harness.catalog.tasks import TASKS
from harness.plan.types import InputRow
from harness.report.view import RunView
from harness.spec.types import ESTIMATE
from harness.store.png_header import is_small
from harness.store.records import CellRecord

MASK = "mask (chequered is repainted)"
_SQUARES, _LIGHT, _DARK = 16, 255, 196  # of the board: squares a side, and their levels


@dataclass(frozen=True)
class Thing:
    """A stored picture by its key, or a text; neither where a row has no such thing."""

    key: str | None = None
    stage: Literal["inputs", "hints"] = "inputs"
    text: str = ""
    under: str | None = None  # key of the picture that a mask lies on

    @property
    def is_picture(self) -> bool:
        """Whether there is a picture to show, be it no longer stored."""
        return self.key is not None

    def png(self, view: RunView) -> bytes | None:
        """The picture's bytes, of a mask those of the picture with the mask on it; ``None``: there is none to show.

        It is not stored, damaged, or larger than any picture that a spec may name.
        """
        found = view.stored(self.stage, self.key or "")
        below = view.stored("inputs", self.under or "")
        if found is None or not _is_readable(found):
            return None
        return _chequered(found, below) if below and _is_readable(below) else found


@dataclass(frozen=True)
class InputLine:
    """One kind of thing that pictures start from, one for each row."""

    label: str
    things: tuple[Thing, ...]


def things_of(cell: CellRecord, row: InputRow) -> dict[str, Thing]:
    """Kind → thing, of all that the cell's task looks at in a row beside the texts."""
    needed, found = TASKS[cell.settings.task].inputs, {}
    estimated = "hint" in needed and row.hint == ESTIMATE
    if "image" in needed or estimated:
        found["image"] = Thing(row.image)
    if "mask" in needed:
        found[MASK] = Thing(row.mask, under=row.image)
    if "hint" in needed:
        found["hint"] = Thing(cell.hints.get(row.id, ""), "hints") if estimated else Thing(row.hint)
    if "mix" in needed:
        found |= {
            f"thing {at} of the mix": Thing(item.image, text=item.text or "") for at, item in enumerate(row.mix, 1)
        }
    return found


def input_lines(cells: Sequence[CellRecord], rows: Sequence[InputRow]) -> tuple[InputLine, ...]:
    """What the cells of one task start from. Where cells differ, as models do that estimate depth, each has a line."""
    found: dict[tuple[str, tuple[Thing, ...]], str] = {}
    for cell in cells:
        each = [things_of(cell, row) for row in rows]
        for label in dict.fromkeys(label for things in each for label in things):
            found.setdefault((label, tuple(things.get(label, Thing()) for things in each)), cell.settings.model)
    lines = Counter(label for label, _ in found)
    return tuple(
        InputLine(f"{label}, {model}" if lines[label] > 1 else label, things)
        for (label, things), model in found.items()
    )


def heading(cell: CellRecord, row: InputRow) -> str:
    """What stands over a row's pictures: its prompt, and of a mix its weights where the cell does not set them."""
    own = row.weights if cell.settings.task == "interpolation" and cell.settings.weights is None else None
    weights = " : ".join(f"{weight:g}" for weight in own or ())
    return " · ".join(filter(None, (row.prompt, weights)))


def _is_readable(png: bytes) -> bool:
    """An imported run's inputs are a stranger's: their size is looked at before anything is decoded."""
    if not is_small(png):
        return False
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # what a decoder says of damage
        return False
    return True


def _chequered(mask: bytes, picture: bytes) -> bytes:
    """A picture's PNG with a chequerboard where it is repainted, as editors show what is transparent."""
    with Image.open(io.BytesIO(picture)) as below, Image.open(io.BytesIO(mask)) as above, io.BytesIO() as out:
        image = below.convert("RGB")
        repainted = above.convert("L").resize(image.size, Image.Resampling.NEAREST)
        odd = np.indices((_SQUARES, _SQUARES)).sum(axis=0) % 2
        board = Image.fromarray(np.where(odd, _DARK, _LIGHT).astype(np.uint8)).convert("RGB")
        Image.composite(board.resize(image.size, Image.Resampling.NEAREST), image, repainted).save(out, "PNG")
        return out.getvalue()
