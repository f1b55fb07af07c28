"""What `harness schedulers NAME` prints: all that the catalog knows of one class. Imports no torch."""

from __future__ import annotations

import textwrap
from typing import Any

from harness.catalog.scheduler_rows import SLOW, VARIANTS
from harness.catalog.schedulers import SUFFIX, schedulers
from harness.catalog.types import SchedulerRow
from harness.errors import UsageError
from harness.proof.listing import ADAPTER, CALLS, order_text
from harness.proof.naming import named
from harness.spec.scheduler_hints import hint_of

_WIDTH, _LABEL = 100, 12


def row_named(name: str) -> SchedulerRow:
    """The row of a class, with or without the suffix.

    Raises:
        UsageError: diffusers has no such scheduler; it names the one that was meant.
    """
    row = schedulers().get(name.removesuffix(SUFFIX))
    if row is not None:
        return row
    hint = hint_of(name)
    remark = f" ({hint.remark})" if hint.remark else ""
    raise UsageError(
        f"There is no scheduler {name!r}.",
        expected="a name that `harness schedulers` lists, or `harness schedulers check`",
        do=f"did you mean {hint.nearest}?{remark}" if hint.nearest else "",
    )


def card_json(row: SchedulerRow) -> dict[str, Any]:
    """The row with its keywords, and its variants."""
    variants = [one.model_dump(mode="json") for one in VARIANTS if one.name == row.name]
    return {**row.model_dump(mode="json"), "variants": variants}


def render_card(row: SchedulerRow) -> str:
    """The row in lines: what it is, how it is made right or why it is refused, its variants and keywords."""
    order = "each step draws noise" if row.order is None else f"{order_text(row)}, by its authors' claim"
    facts = {
        "verdict": row.verdict + (f": {row.reason}" if row.reason else ""),
        "forced": f"`{{{row.name}: {{force: true}}}}` runs it all the same" if row.forcible else "",
        "order": order if row.verdict == "right" else "",
        "calls": f"{CALLS[row.calls]} of the model, for each step" if row.verdict == "right" else "",
        "adapter": ADAPTER[row.adapter] if row.verdict == "right" else "",
        "needs": row.needs or "",
        "proven with": "; ".join(_variants(row)) if row.verdict == "right" else "",
        "keywords": ", ".join(f"{key}={_word(value)}" for key, value in row.parameters.items()),
        "each step": ", ".join(row.step_parameters),
    }
    return "\n".join([row.class_name, *(_line(label, text) for label, text in facts.items() if text)])


def _variants(row: SchedulerRow) -> list[str]:
    found = [one for one in VARIANTS if one.name == row.name]
    words = [(named(one).removeprefix(row.name).strip(" ()") or "its defaults", one in SLOW) for one in found]
    return [f"{word} (slow)" if slow else word for word, slow in words]


def _line(label: str, text: str) -> str:
    indent = " " * (_LABEL + 4)
    return textwrap.fill(text, _WIDTH, initial_indent=f"  {label:<{_LABEL}}  ", subsequent_indent=indent,
                         break_on_hyphens=False, break_long_words=False)  # fmt: skip


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "none" if value is None else str(value)
