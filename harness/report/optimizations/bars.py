"""The bars of the one picture: a line for each cell, its seconds, and what stands at its right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.charts import GREEN, VERMILION
from harness.report.drawing import Drawing, text_width, wrap
from harness.report.optimizations.audit import Audited, Family
from harness.report.optimizations.charts import COLOURS, GREY
from harness.report.optimizations.costs import over_visits, seconds_of, untimed
from harness.report.optimizations.looks import Looks
from harness.report.optimizations.settled import is_faster, is_slower, speed_open
from harness.report.optimizations.wording import need_words, outcome_word, pays_range, ratio_words
from harness.report.pictures import ACCENT, INK, MUTED
from harness.report.text import mebibytes, seconds
from harness.store.measured import peak_bytes
from harness.store.records import Failure

LEFT, RIGHT = 48, 1552
_PLOT, _REACH, _HATCH = 344, 400, 300  # where bars begin, the longest bar and a hatched one, in pixels
_GRID = "#dde2e8"
_REFERENCE, _FASTER, _SLOWER, _NEITHER = "#39424d", GREEN, "#E69F00", "#a9b4c0"
_BAND = "#e9eef4"
_SAMENESS = {"identical": "#00805d", "equivalent": "#00805d", "different": VERMILION, "inconclusive": MUTED}
_COLUMNS = {"was it on": 976, "first call": 1092, "pays after": 1184, "peak memory": 1334, "pictures": 1442}
_DOT = "M1,0A1,1 0 1,1 -1,0A1,1 0 1,1 1,0"
#: Outcome → the fill and the line of its dot: full where it is on, empty where nothing changed.
_DOTS = {
    "applied": (COLOURS["applied"], COLOURS["applied"]), "no-op": ("#ffffff", GREY),
    "partly": (COLOURS["partly"], INK), "failed": (COLOURS["failed"], COLOURS["failed"]),
    "none recorded": ("#ffffff", COLOURS["none recorded"]),
}  # fmt: skip
GROUP = 34  # pixels of a family's own line


@dataclass(frozen=True)
class Group:
    """A family's cells that there is room for, and how many are left out."""

    family: Family
    cells: tuple[Audited, ...]

    @property
    def longest(self) -> float:
        """Seconds at the end of the scale."""
        ends = [_ends(one)[2] for one in self.cells if one.cell.timing]
        return max(ends, default=1.0)


def groups_of(families: Sequence[Family], room: int) -> tuple[Group, ...]:
    """As many cells as lines; what is left out is the last of the longest families."""
    counts = [len(family.cells) for family in families]
    while sum(counts) > room and max(counts) > 1:
        counts[counts.index(max(counts))] -= 1
    return tuple(Group(family, family.cells[:count]) for family, count in zip(families, counts, strict=True))


def draw_heads(sheet: Drawing, top: float) -> None:
    """The names of the columns."""
    sheet.text((_PLOT, top), ["seconds for each image, 95 % interval; speed-up at the bar's end"], 16, MUTED)
    for name, left in _COLUMNS.items():
        sheet.text((left, top), [name], 16, MUTED)


def draw_group(sheet: Drawing, group: Group, scale: float, top: float, pitch: float) -> float:
    """A family: its title with the ticks of the scale, then its bars; gives the line below."""
    bottom = top + GROUP + pitch * len(group.cells)
    timed = any(one.cell.timing for one in group.cells)
    if (noise := band(group)) is not None:
        low, high = (_PLOT + _REACH * min(end / scale, 1.0) for end in noise)
        middle = (top + GROUP + bottom) / 2
        sheet.line((low, middle), (high, middle), _BAND, bottom - top - GROUP, "")
    for tick in ticks(scale) if timed else []:
        x = _PLOT + _REACH * tick / scale
        sheet.line((x, top + GROUP - 6), (x, bottom - 2), _GRID, 1, "")
        sheet.middle((x, top + GROUP - 16), seconds(tick) if tick else "0", 13, MUTED)
    title, room = group.family.title, _PLOT - LEFT - 12
    size = next((size for size in (18, 16, 15, 14) if text_width(title, size) <= 1.1 * room), 13)
    sheet.text((LEFT, top + GROUP - 10), wrap(title, size, 1.1 * room, lines=1), size, ACCENT)
    for number, one in enumerate(group.cells):
        _line(sheet, one, scale, top + GROUP + pitch * (number + 0.5), min(pitch - 8, 28))
    return bottom


def band(group: Group) -> tuple[float, float] | None:
    """Seconds between which the same pipeline lay when it was timed as another; ``None`` without such a pair."""
    pair = next((one for one in group.family.compared if one.is_again), None)
    steady = seconds_of(pair.reference) if pair is not None and pair.reference is not None else None
    if pair is None or pair.speed is None or steady is None:
        return None
    if pair.speed.low is None or pair.speed.high is None or pair.speed.low <= 0:
        return None
    return steady / pair.speed.high, steady / pair.speed.low


def ticks(scale: float) -> list[float]:
    """Round numbers from zero to the end of the scale, four at most beyond zero."""
    steps = [m * 10.0**power for power in range(-7, 6) for m in (1, 2, 5)]
    step = next(step for step in steps if scale / step <= 4.0001)
    return [step * n for n in range(int(scale / step + 1e-9) + 1)]


def _line(sheet: Drawing, one: Audited, scale: float, y: float, high: float) -> None:
    size = 17 if high >= 20 else 14
    label = f"{one.name} (reference)" if one.is_reference else one.name
    lines = wrap(label, size - 1, _PLOT - LEFT - 14, lines=2)
    down = y + 0.35 * size - (len(lines) - 1) * 0.55 * size
    sheet.text((LEFT, down), lines, size - 1, INK, leading=1.1)
    if one.cell.status == "done":
        _done(sheet, one, scale, y, high, size)
    else:
        _not_done(sheet, one, y, high, size)


def _not_done(sheet: Drawing, one: Audited, y: float, high: float, size: float) -> None:
    """Out of memory is a hatched bar with the need; any other failure, and what is not made yet, a sentence."""
    failure, left = one.cell.failure, float(_PLOT)
    if failure is None:
        sheet.text((left + 6, y + 0.35 * size), ["not made yet"], size, MUTED)
        return
    if failure.kind == "out-of-memory":
        _hatched(sheet, (left, y - high / 2), (_HATCH, high))
        left += _HATCH
    _told(sheet, failure, (left + 10, y + 0.35 * size), RIGHT - left - 10, size)


def _told(sheet: Drawing, failure: Failure, at: tuple[float, float], room: float, size: float) -> None:
    need = need_words(failure)
    words = f"{failure.kind.replace('-', ' ')}{' ' if need.startswith('at ') else ': '}{need}"
    sheet.text(at, wrap(words, size, room, lines=1), size, VERMILION)


def _not_timed(sheet: Drawing, one: Audited, y: float, high: float, size: float) -> None:
    """Out of memory while it was timed is a hatched bar too, as long as there is room for the need beside it."""
    room, broke = _COLUMNS["was it on"] - _PLOT - 24, one.cell.timing_failure
    if broke is not None and broke.kind == "out-of-memory":
        _hatched(sheet, (_PLOT, y - high / 2), (_HATCH / 2, high))
        _told(sheet, broke, (_PLOT + _HATCH / 2 + 10, y + 0.35 * size), room - _HATCH / 2 - 10, size)
        return
    cut = wrap(untimed(one.cell), size, room, lines=1)
    sheet.text((_PLOT + 6, y + 0.35 * size), cut, size, VERMILION if one.cell.timing_reason else MUTED)


def _hatched(sheet: Drawing, at: tuple[float, float], size: tuple[float, float]) -> None:
    """A box of slanted lines."""
    (left, top), (wide, high) = at, size
    right, bottom = left + wide, top + high
    for x in range(int(left), int(right - high) + 1, 9):
        sheet.line((x, bottom), (x + high, top), VERMILION, 2, "")
    for one, other in (((left, top), (right, top)), ((left, bottom), (right, bottom))):
        sheet.line(one, other, VERMILION, 1.5, "")
    for side in (left, right):
        sheet.line((side, top), (side, bottom), VERMILION, 1.5, "")


def _done(sheet: Drawing, one: Audited, scale: float, y: float, high: float, size: float) -> None:
    word = outcome_word(one)
    timing = one.cell.timing
    if timing is None:
        _not_timed(sheet, one, y, high, size)
    else:
        _bar(sheet, one, scale, y, high, size)
    baseline = y + 0.35 * size
    for name, (text, colour) in _columns(one, word).items():
        sheet.text((_COLUMNS[name], baseline), [text], size, colour)
    if word in _DOTS and not one.is_reference:
        at = (_COLUMNS["was it on"] - 14, y)
        sheet.mark(at, 6, _DOT, _DOTS[word][0], _DOTS[word][1], 2.0)


def _bar(sheet: Drawing, one: Audited, scale: float, y: float, high: float, size: float) -> None:
    value, low, up = (_PLOT + _REACH * end / scale for end in _ends(one))
    sheet.line((_PLOT, y), (value, y), bar_colour(one), high, "")
    if up > low:
        sheet.line((low, y), (up, y), INK, 1.6, "")
        for x in (low, up):
            sheet.line((x, y - high / 4), (x, y + high / 4), INK, 1.6, "")
    text = _at_end(one)
    sheet.text((max(value, up) + 10, y + 0.35 * size), [text], size, INK)


def bar_colour(one: Audited) -> str:
    """By what was shown of its speed; whether it was on is told by the dot of its column."""
    if one.is_reference:
        return _REFERENCE
    return _FASTER if is_faster(one) else _SLOWER if is_slower(one) else _NEITHER


def _at_end(one: Audited) -> str:
    """ "1.32× [1.28–1.36]", with a question mark where its verdict is open; of the reference its seconds."""
    if one.speed is not None and one.speed.value is not None:
        return f"{ratio_words(one.speed)}{' ?' if speed_open(one) is not None else ''}"
    steady = seconds_of(one.cell)
    return "" if steady is None else seconds(steady)


def _ends(one: Audited) -> tuple[float, float, float]:
    """Seconds, and the ends of their interval."""
    found = over_visits(one.cell)
    middle = found.value
    assert middle is not None
    return middle, min(found.low or middle, middle), max(found.high or middle, middle)


def _columns(one: Audited, word: str) -> dict[str, tuple[str, str]]:
    peak, look = peak_bytes(one.cell), one.looks
    on = "reference" if one.is_reference else word
    bad = word in ("failed", "partly", "none recorded")
    first = seconds(one.first.seconds) if one.first.seconds is not None else "—"
    same = f"{_same(look)}{', clips' if look.clips else ''}" if look else "—"
    return {
        "was it on": (on, MUTED if one.is_reference else VERMILION if bad else INK),
        "first call": (first, INK),
        "pays after": (_pays(one), INK if speed_open(one) is None else MUTED),
        "peak memory": (mebibytes(peak) if peak is not None else "—", INK),
        "pictures": (same, VERMILION if _marked(one) else _SAMENESS[look.sameness] if look else MUTED),
    }


def _pays(one: Audited) -> str:
    """ "180–260 images"."""
    after, between = one.first.pays_after, one.first.pays_between
    if after is None:
        return "—"
    wide = between is not None and between[0] != between[1]
    return f"{between[0]}–{between[1]} images" if between and wide else pays_range(one) if after else "at once"


def _same(look: Looks) -> str:
    """The verdict; where there is none what is known of all pictures, and that it is open."""
    if look.sameness == "inconclusive":
        return "open ?" if look.largest is None or look.missing else f"≤ {look.largest} of 255 ?"
    return look.sameness


def _marked(one: Audited) -> bool:
    """Whether a fault of the pictures is flagged."""
    look = one.looks
    return look is not None and (look.clips or bool(one.promises_identity and look.largest))
