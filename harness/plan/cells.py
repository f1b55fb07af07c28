"""From choices to cells: every knob resolved, named for people and for files, grouped by what must be loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.base import digest
from harness.catalog.stacks import label_of_stack
from harness.plan.select import Choice, Selection, identity, value_of
from harness.plan.types import Cell, LoadGroup, Refusal, Settings
from harness.spec.knobs import KNOBS, label_of
from harness.spec.types import Spec

#: knob → how its value stands in a label, and in an id; others stand as they are
_LABELS = {
    "num_inference_steps": "{} steps",
    "guidance_scale": "guidance {}",
    "prior_num_inference_steps": "{} prior steps",
    "prior_guidance_scale": "prior guidance {}",
    "size": "{} px",
    "strength": "strength {}",
    "prior_strength": "prior strength {}",
    "weights": "weight {}",
}
_SLUGS = {
    "guidance_scale": "g{}",
    "prior_num_inference_steps": "p{}",
    "prior_guidance_scale": "pg{}",
    "size": "{}px",
    "strength": "s{}",
    "prior_strength": "ps{}",
    "weights": "w{}",
}
_SMALL_BATCH, _BATCH = 4, 16  # a full-size picture needs gigabytes, a small one kilobytes


def swept_knobs(choices: list[Choice]) -> list[str]:
    """The knobs that differ among the choices, in the vocabulary's order."""
    return [knob for knob in KNOBS if len({str(label_of(knob, c[knob])) for c in choices if _has(c, knob)}) > 1]


def _has(choice: Choice, knob: str) -> bool:
    """What a choice does not have does not differ from what others have; a mix's own weights are a value, though."""
    own = knob == "weights" and knob in choice and choice.get("task") == "interpolation"
    return own or choice.get(knob) is not None


def build_cells(spec: Spec, found: Selection) -> list[Cell]:
    """Cells from choices, in their order."""
    swept = swept_knobs(found.choices) or ["model"]
    ids = {identity(choice): cell_id(resolve(spec, choice), choice, swept) for choice in found.choices}
    heads = set(found.references.values())
    return [_cell(spec, choice, swept, ids, found.references.get(identity(choice)), heads) for choice in found.choices]


def _cell(
    spec: Spec, choice: Choice, swept: list[str], ids: dict[str, str], reference: str | None, heads: set[str]
) -> Cell:
    settings = resolve(spec, choice)
    return Cell(
        id=ids[identity(choice)],
        label=_label(choice, swept),
        settings=settings,
        swept={knob: label_of(knob, choice[knob]) for knob in swept if choice[knob] is not None},
        group=group_id(settings),
        reference=None if reference is None else ids[reference],
        is_reference=identity(choice) in heads,
    )


def _label(choice: Choice, swept: list[str]) -> str:
    """The swept knobs, but for those that this cell does not have."""
    return label_from({knob: label_of(knob, choice[knob]) for knob in swept if _has(choice, knob)})


def label_from(values: Mapping[str, str | int | float]) -> str:
    """Knobs' values, as tables show them, in a line for people."""
    return " · ".join(_in_label(knob, value) for knob, value in values.items())


def _in_label(knob: str, value: str | int | float) -> str:
    """``1 step``, ``20 steps``."""
    text = _LABELS.get(knob, "{}").format(value)
    return text.removesuffix("s") if value == 1 and text.endswith(" steps") else text


def resolve(spec: Spec, choice: Choice) -> Settings:
    """Every knob of a choice, nothing left to a library's default."""
    full = {knob: value_of(spec, choice, knob) for knob in KNOBS if knob != "model"}
    height, width = full.pop("size")
    batch = spec.batch_size or default_batch_size(spec, choice["model"])
    return Settings(model=choice["model"], height=height, width=width, batch_size=batch, **full)


def default_batch_size(spec: Spec, model: str) -> int:
    """Pictures in a batch where the spec does not say."""
    return _BATCH if spec.models[model].small else _SMALL_BATCH


def cell_id(settings: Settings, choice: Choice, swept: list[str]) -> str:
    """``DDIM-25-g4-1a2b3c``: the swept knobs, readable, and six digits of everything's digest."""
    words = [_SLUGS.get(knob, "{}").format(label_of(knob, choice[knob])) for knob in swept if _has(choice, knob)]
    slug = "-".join(word for text in words if (word := _plain(text)))
    return f"{slug[:60].strip('-.') or 'cell'}-{digest(settings.model_dump(mode='json'))[:6]}"


def group_id(settings: Settings) -> str:
    """The id of what must be loaded for a cell."""
    loaded = [settings.model, settings.task, settings.api, settings.dtype, label_of_stack(settings.optimizations)]
    return f"{_plain(settings.model)[:40] or 'model'}-{settings.task}-{settings.dtype}-{digest(loaded)[:6]}"


def _plain(text: str) -> str:
    """Letters, digits, dots and hyphens: fit for any file system."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")


def groups_of(cells: list[Cell]) -> tuple[LoadGroup, ...]:
    """Load groups in the order of their first cells; what others are held against is made first."""
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        found.setdefault(cell.group, []).append(cell)
    first = {name: sorted(members, key=lambda cell: not cell.is_converged) for name, members in found.items()}
    return tuple(
        LoadGroup(
            id=name,
            model=members[0].settings.model,
            task=members[0].settings.task,
            api=members[0].settings.api,
            dtype=members[0].settings.dtype,
            optimizations=members[0].settings.optimizations,
            cells=tuple(cell.id for cell in members),
        )
        for name, members in first.items()
    )


def refusals_of(found: Selection) -> tuple[Refusal, ...]:
    """What is refused, by the knobs that differ among everything that was asked for."""
    swept = swept_knobs([*found.choices, *(choice for choice, _ in found.refused)]) or ["model"]
    return tuple(
        Refusal(swept={knob: label_of(knob, choice[knob]) for knob in swept if _has(choice, knob)}, reason=reason)
        for choice, reason in found.refused
    )
