"""The one picture, 1600×900: what changed, the table with regressed cells first, and the three worst pictures."""

from __future__ import annotations

import io

from PIL import Image

from harness.compare import words
from harness.compare.outcome import verdict_of_costs, verdict_of_pictures
from harness.compare.types import Compared, Verdict
from harness.report.charts import BLUE, VERMILION
from harness.report.drawing import Drawing, text_width, wrap
from harness.report.facts import device_of, dtypes_of, versions_of, weights_of
from harness.report.pictures import ACCENT, INK, MUTED
from harness.report.provenance import placeless
from harness.report.regression.content import RegressionContent
from harness.report.regression.held import Alone, Held, Line
from harness.report.regression.wording import caption, identical, judged, metric_name, noise_words, verdict_entries
from harness.report.text import listing, plural

WIDTH, HEIGHT = 1600, 900
_LEFT, _RIGHT = 48, 1552
_COLUMNS = {"task": 48, "scheduler": 226, "optimization": 452, "pixels identical": 636, "CLIP Δ [90 %]": 770,
            "latency Δ": 980, "memory Δ": 1150, "A/A noise": 1310, "verdict": 1420}  # fmt: skip
_PITCH, _FOOT, _WORST = 37, 62, 234  # pixels: of a line, the footer, the worst pictures with their words
_GAP = 24
_COLOURS: dict[Verdict, str] = {"regressed": VERMILION, "improved": BLUE, "equivalent": "#00805d"}
_GRID, _OPEN = "#dde2e8", "#8a5a00"


def draw_summary(content: RegressionContent) -> Image.Image:
    """The picture of a comparison."""
    sheet = Drawing(WIDTH, HEIGHT)
    top = _head(sheet, content)
    bottom = HEIGHT - _FOOT - (_WORST if content.held.worst else 0)
    left_out = _table(sheet, content.held, top, bottom)
    if content.held.worst:
        _worst(sheet, content, bottom)
    _footer(sheet, content, left_out)
    return sheet.pixels()


def _head(sheet: Drawing, content: RegressionContent) -> float:
    """Question, answer, and what changed; gives the line below."""
    sheet.text((_LEFT, 28 if content.question else 44), wrap(content.heading, 20, _RIGHT - _LEFT, lines=1), 20, ACCENT)
    sheet.text((_LEFT, 50), wrap(content.question, 15, _RIGHT - _LEFT, lines=1), 15, MUTED)
    size = 28 if len(wrap(content.answer, 28, _RIGHT - _LEFT, lines=9)) <= 2 else 22  # an answer is not cut short
    lines = wrap(content.answer, size, _RIGHT - _LEFT, lines=4)
    sheet.text((_LEFT, 84), lines, size, _answer_colour(content.held.compared), leading=1.25)
    down = 84 + 1.25 * size * (len(lines) - 1) + 30
    told = [*content.open, *content.changed, *content.caveats]
    told = [line for text in told for line in wrap(text, 15, _RIGHT - _LEFT, lines=1)]
    shown = told if len(told) <= 4 else [*told[:3], f"{len(told) - 3} more remarks are in the report"]
    sheet.text((_LEFT, down), shown, 15, MUTED)
    return down + 19.5 * (len(shown) - 1) + 34


def _answer_colour(compared: Compared) -> str:
    """Of the answer: what regressed and what is open must not look like what is settled."""
    return VERMILION if compared.count("regressed") else _OPEN if compared.count("inconclusive") else INK


def _table(sheet: Drawing, held: Held, top: float, bottom: float) -> int:
    """As many cells as there is room for, those of one run only last; gives how many are left out."""
    lines: list[Line | Alone] = [*held.lines, *held.alone]
    for name, left in _COLUMNS.items():
        sheet.text((left, top), [name], 15, MUTED)
    room = max(1, int((bottom - top - 14) // _PITCH))
    for place, line in enumerate(lines[:room]):
        y = top + 12 + place * _PITCH
        sheet.line((_LEFT, y), (_RIGHT, y), _GRID, 1, "")
        if isinstance(line, Alone):
            _alone(sheet, line, y + 17)
        else:
            _line(sheet, line, y + 17)
    return max(0, len(lines) - room)


def _names(sheet: Drawing, names: tuple[str, str, str], y: float, colour: str) -> None:
    for text, name, end in zip(names, _COLUMNS, list(_COLUMNS.values())[1:4], strict=False):
        size = _size(text, 16, end - _COLUMNS[name] - 10)
        sheet.text((_COLUMNS[name], y), wrap(text, size, end - _COLUMNS[name] - 10, lines=1), size, colour)


def _alone(sheet: Drawing, one: Alone, y: float) -> None:
    _names(sheet, one.names, y, MUTED)
    text = f"{words.MARKS['not comparable']} not compared: only the {one.side} has this cell"
    sheet.text((_COLUMNS["pixels identical"], y), [text], 14, MUTED)


def _line(sheet: Drawing, line: Line, y: float) -> None:
    _names(sheet, line.names, y, INK)
    _verdict(sheet, line, y)
    if line.cell.outcome != "compared":
        left = _COLUMNS["pixels identical"]
        why = wrap(line.cell.reason or line.cell.outcome, 14, _COLUMNS["verdict"] - left - 20, lines=2)
        sheet.text((left, y - 3), why, 14, _colour(line.verdict), leading=1.15)
        return
    seen = line.cell.pictures
    far = f"{seen.largest_difference} of 255" if seen and seen.largest_difference else ""
    _entry(sheet, "pixels identical", y, (identical(line), far), INK)
    for name, finding in (("CLIP Δ [90 %]", line.quality), ("latency Δ", line.finding("latency")),
                          ("memory Δ", line.finding("peak_memory"))):  # fmt: skip
        number, bounds = judged(finding)
        own = metric_name(finding) if name.startswith("CLIP") else ""
        colour = _colour(finding.verdict) if finding is not None else MUTED
        _entry(sheet, name, y, (number, " ".join(filter(None, (own, bounds)))), colour)
    _entry(sheet, "A/A noise", y, noise_words(line.noise), INK)


def _entry(sheet: Drawing, column: str, y: float, texts: tuple[str, str], colour: str) -> None:
    """A number, and a smaller text below it that shrinks into its column."""
    lefts = [*_COLUMNS.values(), _RIGHT]
    wide = lefts[list(_COLUMNS).index(column) + 1] - _COLUMNS[column] - 8
    sheet.text((_COLUMNS[column], y), [texts[0]], _size(texts[0], 16, wide), colour)
    size = _size(texts[1], 12, wide)
    sheet.text((_COLUMNS[column], y + 14), wrap(texts[1], size, wide, lines=1), size, MUTED)


def _size(text: str, size: float, wide: float) -> float:
    """A size at which the text fits, no smaller than two thirds."""
    return max(size * 2 / 3, min(size, size * wide / max(text_width(text, size), 1.0)))


def _verdict(sheet: Drawing, line: Line, y: float) -> None:
    """What the pictures come to, and under it what the costs do; or what became of the cell."""
    texts = verdict_entries(line)
    found = (verdict_of_pictures(line.cell), verdict_of_costs(line.cell))
    colours = [verdict for verdict in found if verdict is not None] if len(texts) > 1 else [line.verdict]
    size = min(_size(text, 15 if len(texts) > 1 else 17, _RIGHT - _COLUMNS["verdict"]) for text in texts)
    for place, (text, verdict) in enumerate(zip(texts, colours, strict=True)):
        sheet.text((_COLUMNS["verdict"], y - 2 + 16 * place), [text], size, _colour(verdict))


def _colour(verdict: Verdict) -> str:
    return _COLOURS.get(verdict, MUTED)


def _worst(sheet: Drawing, content: RegressionContent, top: float) -> None:
    """Three triples side by side, each under its words."""
    sheet.text((_LEFT, top + 16), ["Worst pictures: old, new, difference"], 15, MUTED)
    wide = (_RIGHT - _LEFT - 2 * _GAP) / 3
    for place, one in enumerate(content.held.worst):
        left = _LEFT + place * (wide + _GAP)
        with Image.open(io.BytesIO(one.png)) as opened:
            image = opened.convert("RGB")
        room = _WORST - 82
        scale = min(wide / image.width, room / image.height)
        resized = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.NEAREST)
        whose, why = caption(content.held, place)
        sheet.text((left, top + 36), wrap(whose, 14, wide, lines=1), 14, INK)
        sheet.text((left, top + 53), wrap(why, 12, wide, lines=2), 12, MUTED, leading=1.2)
        sheet.picture((left, top + 76), resized.size, resized)


def _footer(sheet: Drawing, content: RegressionContent, left_out: int) -> None:
    lines = [line for text in footer(content, left_out) for line in wrap(text, 14, _RIGHT - _LEFT, lines=1)]
    sheet.text((_LEFT, HEIGHT - 18 * len(lines) + 6), lines, 14, MUTED)


def footer(content: RegressionContent, left_out: int) -> list[str]:
    """Model and revision, device, dtypes, versions, n, both runs and the command; and what there is no room for."""
    view, compared = content.view, content.held.compared
    models = dict.fromkeys(cell.settings.model for cell in view.cells)
    made = [weights_of(model, [c for c in view.done if c.settings.model == model]) for model in models]
    device, dtypes = device_of(view.run.environment), dtypes_of(view.done) or "no dtype"
    unseen = [f"{plural(left_out, 'cell')} more in the report"] if left_out else []
    prompts = max((len({row.prompt_id for row in view.rows_of(cell)}) for cell in view.cells), default=0)
    size = f"n = {plural(prompts, 'prompt')}, {view.pictures_a_cell} pictures a cell"
    return [
        " · ".join([listing(made), device, dtypes, versions_of(view.run.environment)]),
        " · ".join([size, f"baseline {compared.baseline.run_id}", f"run {compared.run.run_id}"]),
        " · ".join([placeless(view.run.command), *unseen]),
    ]
