"""The miniature's world: what a picture may show, and the captions that say it. Plain data, no arrays."""

from __future__ import annotations

import hashlib
import itertools
import re
from dataclasses import astuple, dataclass
from functools import cache

SHAPES = ("circle", "square", "triangle", "star", "cross", "diamond")
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 40, 46),
    "orange": (246, 140, 30),
    "yellow": (244, 222, 60),
    "green": (40, 158, 70),
    "blue": (36, 84, 214),
    "purple": (136, 52, 176),
    "black": (26, 26, 30),
    "white": (240, 240, 238),
}
SIZES: dict[str, float] = {"small": 9.0, "medium": 13.0, "large": 18.0}  # circumradius, pixels of 64
PLACES: dict[str, tuple[str, tuple[int, int]]] = {  # words in a caption; offset from the middle (x, y), pixels
    "left": ("on the left of", (-13, 0)),
    "right": ("on the right of", (13, 0)),
    "top": ("at the top of", (0, -13)),
    "bottom": ("at the bottom of", (0, 13)),
    "middle": ("in the middle of", (0, 0)),
}
ATTRIBUTES = ("shape", "colour", "background", "size", "place")
VOCABULARIES: dict[str, tuple[str, ...]] = {
    "shape": SHAPES,
    "colour": tuple(COLOURS),
    "background": tuple(COLOURS),
    "size": tuple(SIZES),
    "place": tuple(PLACES),
}
_HELD_OUT_SHARE = 0.1

LANGUAGES = ("en", "de")
_GERMAN_SHAPES = {  # the noun, its article, and the ending of the adjectives before it
    "circle": ("Kreis", "ein", "er"),
    "square": ("Quadrat", "ein", "es"),
    "triangle": ("Dreieck", "ein", "es"),
    "star": ("Stern", "ein", "er"),
    "cross": ("Kreuz", "ein", "es"),
    "diamond": ("Raute", "eine", "e"),
}
_GERMAN_STEMS = {
    "red": "rot",
    "orange": "orang",
    "yellow": "gelb",
    "green": "grün",
    "blue": "blau",
    "purple": "violett",
    "black": "schwarz",
    "white": "weiß",
    "small": "klein",
    "medium": "mittelgroß",
    "large": "groß",
}
_GERMAN_PLACES = {"left": "links", "right": "rechts", "top": "oben", "bottom": "unten", "middle": "mitten"}


@dataclass(frozen=True)
class Scene:
    """The truth of a picture."""

    shape: str
    colour: str
    background: str
    size: str
    place: str

    def caption(self, language: str = "en") -> str:
        """``a small red star on the left of a blue background``.

        In German: ``ein kleiner roter Stern links auf blauem Hintergrund``.
        """
        return {"en": self._english, "de": self._german}[language]()

    def _english(self) -> str:
        where, _ = PLACES[self.place]
        ground = f"{_article(self.background)} {self.background} background"
        return f"a {self.size} {self.colour} {self.shape} {where} {ground}"

    def _german(self) -> str:
        noun, article, ending = _GERMAN_SHAPES[self.shape]
        size, colour, background = (_GERMAN_STEMS[word] for word in (self.size, self.colour, self.background))
        where = f"{_GERMAN_PLACES[self.place]} auf {background}em Hintergrund"
        return f"{article} {size}{ending} {colour}{ending} {noun} {where}"

    def indices(self) -> tuple[int, int, int, int, int]:
        """Position of each attribute in its vocabulary, in the order of ``ATTRIBUTES``."""
        a, b, c, d, e = (VOCABULARIES[k].index(v) for k, v in zip(ATTRIBUTES, astuple(self), strict=True))
        return a, b, c, d, e

    def held_out(self) -> bool:
        """Whether this combination is kept from all training, in every language; decided by a hash, so for ever."""
        number = int.from_bytes(hashlib.sha256(self.caption().encode()).digest()[:8], "big")
        return number / 2**64 < _HELD_OUT_SHARE


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


_PATTERN = re.compile(
    rf"a (?P<size>{'|'.join(SIZES)}) (?P<colour>{'|'.join(COLOURS)}) (?P<shape>{'|'.join(SHAPES)}) "
    rf"(?P<where>{'|'.join(words for words, _ in PLACES.values())}) an? (?P<background>{'|'.join(COLOURS)}) background"
)
_PLACE_OF_WORDS = {words: place for place, (words, _) in PLACES.items()}


def parse_caption(text: str) -> Scene | None:
    """The scene that a caption of this world describes in any of its languages, or ``None`` for any other text."""
    found = _PATTERN.fullmatch(text.strip())
    if found is None:
        return _german_captions().get(text.strip())
    if found["colour"] == found["background"]:
        return None
    return Scene(found["shape"], found["colour"], found["background"], found["size"], _PLACE_OF_WORDS[found["where"]])


@cache
def _german_captions() -> dict[str, Scene]:
    """German agrees in gender and case, so that only what the world itself says is right."""
    return {scene.caption("de"): scene for scene in scenes()}


def scenes() -> list[Scene]:
    """Every scene of the world, 6 × 8 × 7 × 3 × 5 = 5,040, in a fixed order."""
    combinations = itertools.product(*(VOCABULARIES[name] for name in ATTRIBUTES))
    return [scene for scene in itertools.starmap(Scene, combinations) if scene.colour != scene.background]


def split() -> tuple[list[Scene], list[Scene]]:
    """The scenes to train on, and those held out."""
    everything = scenes()
    return [s for s in everything if not s.held_out()], [s for s in everything if s.held_out()]
