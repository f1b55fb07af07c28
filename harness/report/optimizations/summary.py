"""The one picture, 1600×900: the verdict, a group of bars for each model and task, and where it all comes from."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from harness.report.charts import VERMILION
from harness.report.drawing import Drawing, balanced, wrap
from harness.report.facts import device_of, dtypes_of, versions_of, weights_of
from harness.report.optimizations.audit import Audit, Audited
from harness.report.optimizations.bars import GROUP, LEFT, RIGHT, Group, band, draw_group, draw_heads, groups_of
from harness.report.optimizations.content import AuditContent
from harness.report.optimizations.settled import asks_holm, drifted, judged_together, speed_open
from harness.report.pictures import ACCENT, INK, MUTED
from harness.report.provenance import placeless
from harness.report.text import listing, percent, plural

WIDTH, HEIGHT = 1600, 900
_FOOT = 786
_LEAST, _MOST = 21, 50  # pixels between bars
_ALIKE = 4.0  # families whose longest bars differ by less share one scale


def draw_summary(content: AuditContent) -> Image.Image:
    """The picture of a run."""
    sheet = Drawing(WIDTH, HEIGHT)
    top = _headline(sheet, content)
    families = content.audit.families
    room = _FOOT - top - 24 - GROUP * len(families)
    groups = groups_of(families, max(len(families), int(room // _LEAST)))
    pitch = min(_MOST, room / max(1, sum(len(group.cells) for group in groups)))
    draw_heads(sheet, top)
    down, scales = top + 6.0, scales_of(groups)
    for group, scale in zip(groups, scales, strict=True):
        down = draw_group(sheet, group, scale, down, pitch)
    _flagged(sheet, content, down + 30)
    told = wrap(legend(groups, judged_together(content.view)), 14, RIGHT - LEFT, 2)
    words = [*told, *(line for text in footer(content.audit, groups) for line in wrap(text, 14, RIGHT - LEFT, 1))]
    sheet.text((LEFT, HEIGHT - 18 * len(words) - 2), words, 14, MUTED)
    return sheet.pixels()


def _headline(sheet: Drawing, content: AuditContent) -> int:
    """Question and verdict; gives the line below them."""
    view = content.view
    asked = view.plan.question or view.run.name
    text = f"{view.unfinished} {asked}" if view.unfinished else asked
    sheet.text((LEFT, 50), wrap(text, 20, RIGHT - LEFT, lines=1), 20, ACCENT)
    size, lines = _verdict([answer.headline for answer in content.answers])
    sheet.text((LEFT, 96), lines, size, INK, leading=1.25)
    return 96 + round(1.25 * size * (len(lines) - 1)) + 48


def _verdict(said: list[str]) -> tuple[int, list[str]]:
    """Size and lines of the verdict: of one family in large letters, of several a line or two each."""
    if len(said) == 1:
        size = 32 if len(said[0]) < 130 else 27 if len(said[0]) < 260 else 21
        return size, balanced(said[0], size, RIGHT - LEFT, lines=4)
    each = 2 if len(said) < 3 else 1
    lines = [line for text in said[:5] for line in wrap(text, 21, RIGHT - LEFT, each)]
    return 21, lines


def _flagged(sheet: Drawing, content: AuditContent, top: float) -> None:
    """The faults that there is room for below the bars, and how many more there are."""
    room = int((_FOOT - top) // 21) + 1
    faults = [f"{name}: {fault}" for name, fault in content.flagged]
    if not faults or room < 1:
        return
    cut = faults if len(faults) <= room else [*faults[: room - 1], f"{len(faults) - room + 1} more in the report"]
    sheet.text((LEFT, top), [wrap(line, 16, RIGHT - LEFT, 1)[0] for line in cut], 16, VERMILION)


def scales_of(groups: tuple[Group, ...]) -> list[float]:
    """Seconds at the end of each group's scale: one for all, unless bars of one would be lost on another's."""
    longest = [group.longest for group in groups]
    shared = max(longest, default=1.0)
    return [shared] * len(groups) if shared <= _ALIKE * min(longest, default=1.0) else longest


def legend(groups: tuple[Group, ...], judged: int) -> str:
    """How to read the bars, and the marks that are on this picture; ``judged``: comparisons judged together."""
    shown = [one for group in groups for one in group.cells]
    turns = "; speed-ups are of calls in turns, no quotients of bars" if any(one.in_turns for one in shown) else ""
    parts = [f"bars: green faster, orange slower, grey neither was shown{turns}"]
    if any(speed_open(one) is not None for one in shown):
        parts.append(f"? at a bar's end: not settled{_why_open(shown, judged)}")
    if any(band(group) is not None for group in groups):
        parts.append("shaded: the same pipeline twice (A/A), the measurement's own noise")
    if any(one.looks is not None and one.looks.sameness == "inconclusive" for one in shown):
        parts.append("? at pictures: pixels differ by so much at most, whether they are as good is not settled")
    return " · ".join(parts)


def _why_open(shown: Sequence[Audited], judged: int) -> str:
    """ " (Holm over 60 comparisons; the machine drifted by up to 36 %)"; the rest of the reasons is in the report."""
    one_of_many = any(asks_holm(speed_open(one) or "") for one in shown)
    why = [f"Holm over {plural(judged, 'comparison')}"] if one_of_many else []
    if most := max(map(drifted, shown)):
        why.append(f"the machine drifted by up to {percent(most, 0)}")
    return f" ({'; '.join(why)})" if why else ""


def footer(audit: Audit, groups: tuple[Group, ...]) -> list[str]:
    """Model and revision, device, dtypes, versions, n, run and command; and what there is no room for."""
    view = audit.view
    models = dict.fromkeys(family.model for family in audit.families)
    made = [weights_of(model, [c for c in view.done if c.settings.model == model]) for model in models]
    lines = [" · ".join([listing(made), device_of(view.run.environment), dtypes_of(view.done) or "no dtype"])]
    lines.append(" · ".join([versions_of(view.run.environment), _size(audit), view.run.run_id]))
    left = sum(len(group.family.cells) - len(group.cells) for group in groups)
    unseen = [f"{plural(left, 'cell')} more in the report's table"] if left else []
    return [*lines, " · ".join([placeless(view.run.command), *unseen])]


def _size(audit: Audit) -> str:
    """ "n = 32 prompts, 64 pictures and 30 calls in 3 visits a cell"."""
    view = audit.view
    timed = [cell.timing for cell in view.done if cell.timing]
    prompts = max((len({row.prompt_id for row in view.rows_of(cell)}) for cell in view.cells), default=0)
    text = f"n = {plural(prompts, 'prompt')}, {view.pictures_a_cell} pictures a cell"
    if not timed:
        return f"{text}, not timed"
    calls, visits = max(len(t.steady_s) for t in timed), max(len(set(t.round_of_call)) for t in timed)
    return f"{text}, {plural(calls, 'timed call')} in {plural(visits, 'visit')}"
