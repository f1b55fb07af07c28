"""The page itself: one file that asks no network for anything and does not know who is who."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from harness.compare.judge.making import Shown
from harness.compare.judge.pictures import album
from harness.compare.judge.types import VERSION, VOTES_FORMAT, Key
from harness.report.page import TEMPLATES, content_policy, environment, json_for_script


def render_page(key: Key, shown: Sequence[Shown]) -> tuple[str, str]:
    """The HTML of a page.

    Returns:
        The text, and how its pictures are kept.

    Raises:
        UsageError: the pictures are too many for one page.
    """
    pngs = list(dict.fromkeys(png for one in shown for png in _pictures(one)))  # in the order of their showing
    kept = album(pngs)
    place = {png: number for number, png in enumerate(pngs)}
    content = {
        "format": VOTES_FORMAT,
        "version": VERSION,
        "page": key.page,
        "pictures": kept.uris,
        "pairs": [_pair(one, place) for one in shown],
    }
    script = Markup((TEMPLATES / "judge.js").read_text(encoding="utf-8"))
    text = (
        environment(autoescape=True)
        .get_template("judge.html.j2")
        .render(
            question=key.question,
            page=key.page,
            count=len(shown),
            style=Markup((TEMPLATES / "judge.css").read_text(encoding="utf-8")),
            content=Markup(json_for_script(content)),
            script=script,
            policy=content_policy(script),
        )
    )
    return text, kept.kept_as


def _pictures(shown: Shown) -> list[bytes]:
    return [shown.left, shown.right, *(thing for _, thing in shown.starts if isinstance(thing, bytes))]


def _pair(shown: Shown, place: dict[bytes, int]) -> dict[str, Any]:
    starts = [
        {"label": label, "picture": place[thing]} if isinstance(thing, bytes) else {"label": label, "text": thing}
        for label, thing in shown.starts
    ]
    return {
        "id": shown.pair.id,
        "left": place[shown.left],
        "right": place[shown.right],
        "prompt": shown.pair.prompt,
        "negative": shown.negative,
        "starts": starts,
    }
