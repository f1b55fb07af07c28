"""The pictures that rows name: looked at once each, held against each other, and kept as assets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.base import canonical_json, digest
from harness.catalog.types import Api, Task
from harness.errors import HarnessError, MissingError
from harness.spec.entries import Entry
from harness.spec.picture_cells import ALPHA, Cell, Source
from harness.spec.reader import Reader
from harness.spec.resizing import NO_RULE
from harness.spec.types import Asset, MixItem

if TYPE_CHECKING:
    from harness.spec.pictures import Examined

_DIGITS = 10


@dataclass(frozen=True)
class Options:
    """What the spec says of all its pictures. ``resize`` as in a source; ``invert``: black is repainted."""

    resize: str | dict[str, int] | None = None
    invert: bool = False
    normalise_weights: bool = False


@dataclass(frozen=True)
class Content:
    """What a row shows the pipeline beside its texts: assets' keys, as in :class:`InputRow`."""

    image: str | None = None
    mask: str | None = None
    hint: str | None = None
    mix: tuple[MixItem, ...] = ()
    weights: tuple[float, ...] | None = None
    task: Task | None = None
    api: Api | None = None

    @property
    def digits(self) -> str:
        """A few hexadecimal digits of all of it; empty without any."""
        if self == Content():
            return ""
        parts = [self.image, self.mask, self.hint, self._things, list(self.weights or ()), self.task, self.api]
        return digest(parts)[:_DIGITS]

    @property
    def shown(self) -> str:
        """The same of the pictures that it starts from alone; a mix without a prompt is in the prompt's digest."""
        pictures = [self.image, self.mask, self.hint]
        return digest(pictures)[:_DIGITS] if any(pictures) else ""

    @property
    def mix_digest(self) -> str:
        """Of the mix without its weights, 64 hexadecimal digits."""
        return digest(self._things)

    @property
    def _things(self) -> list[dict[str, Any]]:
        return [thing.model_dump(mode="json") for thing in self.mix]


class Gallery:
    """Brings sources to assets, and remembers what it has seen."""

    def __init__(self, reader: Reader, options: Options) -> None:
        self.assets: dict[str, Asset] = {}
        self._reader, self._options = reader, options
        self._notes: dict[str, None] = {}
        self._seen: dict[str, Examined | HarnessError] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know, each once."""
        return tuple(self._notes)

    def content(self, entry: Entry, image: Source | None) -> Content | None:
        """What a row of the entry shows, with one of its images; ``None`` after a fault."""
        faults = len(self._reader.source.problems)
        shown = None if image is None else self._look(self._cell(entry, "image"), self._sized(image))
        found = Content(
            image=None if shown is None else shown.asset.key,
            mask=None if shown is None or entry.mask is None else self._mask(entry, shown),
            hint=self._hint(entry, shown),
            mix=tuple(self._thing(entry, thing) for thing in entry.mix),
            weights=self._weights(entry),
            task=entry.task,
            api=entry.api,
        )
        return found if len(self._reader.source.problems) == faults else None

    def _cell(self, entry: Entry, column: str) -> Cell:
        return Cell(self._reader, entry.line, column)

    def _sized(self, source: Source) -> Source:
        """A picture's own rule comes before the spec's; its own ``none`` too."""
        ruled = source if self._options.resize is None else {"resize": self._options.resize, **source}
        return {key: value for key, value in ruled.items() if (key, value) != ("resize", NO_RULE)}

    def _look(self, cell: Cell, source: Source, *, keep: bool = True) -> Examined | None:
        """A picture, decoded at most once; its asset is kept unless it is only looked at."""
        from harness.spec.pictures import examine, pending

        if self._waits(source):
            self._notes[f"{source['url']} is not here yet: `harness run` or `harness fetch` brings it"] = None
            return self._kept(pending(source))
        name = canonical_json(source)
        if name not in self._seen:
            self._seen[name] = _tried(examine, source)
        seen = self._seen[name]
        if isinstance(seen, HarnessError):
            cell.bad(seen.happened.removesuffix("."), seen.expected or seen.do, missing=isinstance(seen, MissingError))
            return None
        return self._kept(seen) if keep else seen

    def _kept(self, seen: Examined) -> Examined:
        self.assets.setdefault(seen.asset.key, seen.asset)
        return seen

    def _waits(self, source: Source) -> bool:
        """Whether a picture stands in the web, and shall not be fetched now."""
        from harness.spec.download import is_here

        return "url" in source and not self._reader.fetch and not is_here(source["url"])

    def _mask(self, entry: Entry, image: Examined) -> str | None:
        from harness.spec.pictures import WHITE_FROM, pending

        cell = self._cell(entry, "mask")
        if image.asset.pending:
            return self._kept(pending({"mask": entry.mask, "of": image.asset.source})).asset.key
        source = self._mask_source(cell, entry.mask, image)
        seen = None if source is None else self._look(cell, source)
        if seen is None:
            return None
        if seen.brightest < WHITE_FROM:
            cell.bad("the mask has no white in it: there is nothing to repaint",
                     "white where the picture is to be repainted; `mask_convention: black` for old masks")  # fmt: skip
        if seen.darkest >= WHITE_FROM:
            self._note(entry, "the mask is white everywhere: the whole picture is repainted")
        return seen.asset.key

    def _mask_source(self, cell: Cell, mask: Source | str | None, image: Examined) -> Source | None:
        size = (image.asset.width, image.asset.height)
        if mask == ALPHA:
            return {**image.asset.source, "as": "mask", "channel": ALPHA}
        assert isinstance(mask, dict)
        if "box" in mask:
            return self._boxed(cell, mask, size)
        source = {**mask, "invert": True} if self._options.invert else mask
        seen = self._look(cell, source, keep=False)
        if seen is None or seen.asset.pending or seen.original == size:
            return None if seen is None else source
        if seen.original == image.original:
            return _like(image, source)
        sizes = dict.fromkeys(f"{width}x{height}" for width, height in (image.original, size))
        cell.bad(f"the mask has {seen.original[0]}x{seen.original[1]} pixels, its image {next(iter(sizes))}",
                 f"a mask of {' or '.join(sizes)} pixels")  # fmt: skip
        return None

    @staticmethod
    def _boxed(cell: Cell, mask: Source, size: tuple[int, int]) -> Source | None:
        left, top, right, bottom = mask["box"]
        if right <= size[0] and bottom <= size[1]:
            return {**mask, "size": list(size)}
        cell.bad(f"the box {[left, top, right, bottom]} reaches out of the image", f"at most {size[0]}, {size[1]}")
        return None

    def _hint(self, entry: Entry, image: Examined | None) -> str | None:
        """A map of its image's size is resized with it, so that both stay together."""
        if not isinstance(entry.hint, dict):
            return entry.hint
        cell = self._cell(entry, "hint")
        seen = self._look(cell, entry.hint, keep=False)
        if seen is None:
            return None
        together = image is not None and not seen.asset.pending and seen.original == image.original
        shown = self._look(cell, _like(image, entry.hint) if image is not None and together else entry.hint)
        return None if shown is None else shown.asset.key

    def _thing(self, entry: Entry, thing: Source | str) -> MixItem:
        if isinstance(thing, str):
            return MixItem(text=thing)
        seen = self._look(self._cell(entry, "mix"), self._sized(thing))
        return MixItem(image=None if seen is None else seen.asset.key)

    def _weights(self, entry: Entry) -> tuple[float, ...] | None:
        """The weights as given, with a note where they do not sum to 1; normalised only where the spec says so."""
        if entry.weights is None or abs((total := sum(entry.weights)) - 1) < 1e-6:
            return entry.weights
        if not self._options.normalise_weights:
            self._note(entry, f"the weights {list(entry.weights)} sum to {total:g}, not 1, and are used as they are")
            return entry.weights
        if abs(total) < 1e-6:
            self._cell(entry, "weights").bad("weights that sum to 0 cannot be normalised", "a sum that is not 0")
            return None
        self._note(entry, f"the weights {list(entry.weights)} sum to {total:g}; they were normalised to sum to 1")
        return tuple(weight / total for weight in entry.weights)

    def _note(self, entry: Entry, text: str) -> None:
        self._notes[f"{entry.line.name}: {text}"] = None


def _like(image: Examined, source: Source) -> Source:
    """A source resized by its image's rule."""
    rule = image.asset.source.get("resize")
    return source if rule is None else {**source, "resize": rule}


def _tried(examine: Callable[[Source], Examined], source: Source) -> Examined | HarnessError:
    try:
        return examine(source)
    except HarnessError as error:
        return error
