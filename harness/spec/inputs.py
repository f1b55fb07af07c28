"""Prompts, pictures and seeds as rows, each with an id that follows from its content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.spec.entries import LARGEST_SEED, Entry, entry
from harness.spec.gallery import Content, Gallery, Options
from harness.spec.prompts import prompt_lines
from harness.spec.reader import Reader, is_number, shown
from harness.spec.resizing import resize_rule
from harness.spec.source import Path_
from harness.spec.tables import MOST_ROWS, lines_of
from harness.spec.types import Asset, InputRow

#: The keys of a spec that are read here.
KEYS = (
    "prompts", "inputs", "negative_prompt", "seeds", "resize", "mask_convention", "allow_urls", "normalise_weights",
)  # fmt: skip
CONVENTIONS = ("white", "black")  # what is repainted


@dataclass(frozen=True)
class Inputs:
    """The rows of a spec, the assets that they name, by key, and what a person should know of them."""

    rows: tuple[InputRow, ...]
    assets: dict[str, Asset]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Sight:
    """An entry with one of its images: a row but for its seed."""

    entry: Entry
    content: Content
    image_caption: str | None = None

    @property
    def prompt_id(self) -> str:
        """The entry's own, or else by its texts; by its mix where that stands in for the prompt."""
        return self.entry.id or prompt_id(self.entry.prompt, self.entry.negative, self._instead_of_text)

    @property
    def _independent(self) -> str:
        """What statistics count as one: an id of one's own, or the prompt with its pictures, whatever their weights."""
        shown = self.content.shown
        return self.prompt_id if self.entry.id or not shown else f"{self.prompt_id}-i{shown}"

    @property
    def meaning(self) -> tuple[str, str | None, str]:
        """What an id stands for: comparisons are paired by it."""
        return self.entry.prompt, self.entry.negative, self._instead_of_text

    @property
    def _instead_of_text(self) -> str:
        return self.content.mix_digest if self.content.mix and not self.entry.prompt else ""

    def row(self, seed: int) -> InputRow:
        digits = f"-i{self.content.digits}" if self.content.digits else ""
        return InputRow(
            id=f"{self.prompt_id}{digits}-s{seed}",
            prompt_id=self._independent,
            prompt=self.entry.prompt,
            negative_prompt=self.entry.negative,
            seed=seed,
            image_caption=self.image_caption,
            **vars(self.content),
        )


def inputs(reader: Reader, data: dict[str, Any]) -> Inputs:
    """The input rows that a spec asks for: prompt-major, then seed. Faults are noted and their rows left out."""
    options, found = _options(reader, data), _entries(reader, data)
    seeds = _seeds(reader, data.get("seeds", [0]))
    asked = sum(len(one.images) * (len(seeds) if one.seed is None else 1) for one in found)
    if asked > MOST_ROWS:
        reader.bad(("seeds",), f"{asked:,} images are asked for in every cell", f"at most {MOST_ROWS:,}")
        return Inputs((), {}, ())
    gallery = Gallery(reader, options)
    pairs = [(sight, seed) for one in found for sight in _sights(gallery, one) for seed in _own(one, seeds)]
    rows = _Rows(reader)
    for sight, seed in pairs:
        rows.add(sight, seed)
    return Inputs(tuple(rows.found), gallery.assets, gallery.notes)


def _own(one: Entry, seeds: Sequence[int]) -> Sequence[int]:
    return seeds if one.seed is None else [one.seed]


def _sights(gallery: Gallery, one: Entry) -> Iterator[_Sight]:
    for image in one.images:
        content = gallery.content(one, image)
        if content is not None:
            yield _Sight(one, content, one.image_caption or (image or {}).get("world"))


def prompt_id(prompt: str, negative: str | None, instead: str = "") -> str:
    """``p`` and ten hexadecimal digits of the texts' digest; ``instead``: of what stands in for an empty prompt."""
    text = f"{prompt}\0{negative or ''}" + (f"\0{instead}" if instead else "")
    return "p" + hashlib.sha256(text.encode()).hexdigest()[:10]


def _entries(reader: Reader, data: dict[str, Any]) -> list[Entry]:
    negative = data.get("negative_prompt")
    if negative is not None and not isinstance(negative, str):
        reader.bad(("negative_prompt",), f"{shown(negative)} is no prompt", "a text")
        negative = None
    if "prompts" in data and "inputs" in data:
        reader.bad(("inputs",), "prompts are given twice", "either `prompts` or `inputs`")
    lines = prompt_lines(reader, data["prompts"]) if "prompts" in data else []
    lines += lines_of(reader, data["inputs"], ("inputs",)) if "inputs" in data else []
    allowed = data.get("allow_urls") is True
    found = [entry(reader, line, negative, allow_urls=allowed) for line in lines]
    return [one for one in found if one is not None]


def _options(reader: Reader, data: dict[str, Any]) -> Options:
    convention = data.get("mask_convention", CONVENTIONS[0])
    convention = reader.name(convention, ("mask_convention",), CONVENTIONS, "convention for masks")
    _flag(reader, data, "allow_urls")
    return Options(
        resize=resize_rule(data.get("resize", "none"), lambda *told: reader.bad(("resize",), *told)),
        invert=convention == "black",
        normalise_weights=_flag(reader, data, "normalise_weights"),
    )


def _flag(reader: Reader, data: dict[str, Any], key: str) -> bool:
    value = data.get(key, False)
    if not isinstance(value, bool):
        reader.bad((key,), f"{shown(value)} will not do", "true or false")
    return value is True


def _seeds(reader: Reader, value: Any) -> list[int]:
    place: Path_ = ("seeds",)
    if isinstance(value, list) and not value:
        reader.bad(place, "the list is empty", "at least one seed")
    found: dict[int, None] = {}
    for i, seed in enumerate(value if isinstance(value, list) else [value]):
        here = (*place, i) if isinstance(value, list) else place
        if not is_number(seed, whole=True) or not 0 <= seed <= LARGEST_SEED:
            reader.bad(here, f"{shown(seed)} is no seed", "a whole number of at least 0")
        elif seed in found:
            reader.bad(here, f"{seed} stands in the list twice", "each seed once")
        else:
            found[seed] = None
    return list(found)


class _Rows:
    """Rows one by one: each stands once, and an id means one prompt, since comparisons are paired by them."""

    def __init__(self, reader: Reader) -> None:
        self.found: list[InputRow] = []
        self._reader = reader
        self._meaning: dict[str, tuple[str, str | None, str]] = {}
        self._contents: dict[str, Content] = {}  # by row id
        self._told: set[tuple[Path_, str]] = set()

    def add(self, sight: _Sight, seed: int) -> None:
        """Take a row, and note what is wrong with its id."""
        row = sight.row(seed)
        stood, other = row.id in self._contents, self._contents.setdefault(row.id, sight.content)
        if self._meaning.setdefault(sight.prompt_id, sight.meaning) != sight.meaning:
            self._bad(sight, f"id {sight.prompt_id!r} already means another prompt", "an id for each prompt")
        elif other != sight.content:  # the digits of two digests happen to agree
            self._bad(sight, f"id {row.id!r} already means other pictures", "an `id` of its own for the row")
        elif stood:
            what = shown(sight.entry.prompt) if sight.entry.prompt else "the row"
            self._bad(sight, f"{what} stands there twice", "each prompt and seed once")
        self.found.append(row)

    def _bad(self, sight: _Sight, happened: str, expected: str) -> None:
        line = sight.entry.line
        here = (line.place, line.where)
        if here not in self._told:
            self._told.add(here)
            told = f"{line.where}: {happened}" if line.where else happened
            self._reader.bad(line.place, told, expected)
