"""YAML as data with a line for every place in it. No tags, no code, bounded size."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from harness.errors import MissingError, Problem, SpecError

Path_ = tuple[str | int, ...]  # a place: keys and list positions

_LARGEST_BYTES = 1_000_000
_MOST_NODES = 50_000
_DEEPEST = 20
_TOO_DEEP = "the document is nested too deeply"
_PLAIN = "tag:yaml.org,2002:"
_TYPES = {f"{_PLAIN}{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map", "timestamp")}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class Source:
    """A parsed file: its data, the line of each place, and the faults found so far."""

    path: Path
    text: str
    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[Path_, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def fault(
        self, place: Path_, happened: str, *, expected: str = "", nearest: str | None = None, missing: bool = False
    ) -> None:
        """Note a fault at a place (or at the nearest place above it that has a line)."""
        line = next((self.lines[place[:n]] for n in range(len(place), -1, -1) if place[:n] in self.lines), None)
        self.problems.append(Problem(str(self.path), line, dotted(place), happened, expected, nearest, missing))

    def sorted_problems(self) -> list[Problem]:
        """Everything that was found, in the order of the file."""
        return sorted(dict.fromkeys(self.problems), key=lambda problem: problem.line or 0)


def dotted(place: Path_) -> str:
    """``scheduler[2].DPMSolverMultistep.use_karras_sigmas``."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def read(path: Path) -> Source:
    """Read and parse a spec.

    Raises:
        MissingError: the file is not there or cannot be read.
        SpecError: it is not YAML, not a mapping, too large, or has duplicate keys or tags.
    """
    source = Source(path, _text(path))
    try:
        _refuse_depth(source)
        node = yaml.compose(source.text, Loader=_LOADER)
    except yaml.YAMLError as error:
        line = _line(getattr(error, "problem_mark", None))
        raise SpecError([Problem(str(path), line, "", _damage(error))]) from error
    if not isinstance(node, yaml.MappingNode):
        raise SpecError([Problem(str(path), 1, "", "a spec is a mapping of keys", "`name: …`, `model: …` and so on")])
    source.data = _Walker(source).mapping(node, ())
    return source


def _refuse_depth(source: Source) -> None:
    """Stop before a composer follows brackets by the thousand: libyaml's does so on the C stack, and crashes."""
    depth = 0
    for event in yaml.parse(source.text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise SpecError([Problem(str(source.path), _line(event.start_mark), "", _TOO_DEEP)])


def _line(mark: Any) -> int | None:
    return None if mark is None else int(mark.line) + 1


def _damage(error: yaml.YAMLError) -> str:
    told = [str(part) for part in (getattr(error, "context", None), getattr(error, "problem", None)) if part]
    text = ", ".join(told) or str(error).splitlines()[0]
    return _TOO_DEEP if "nesting depth" in text else f"this is no YAML: {text}"  # newer libyaml has a bound of its own


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise SpecError([Problem(str(path), None, "", "the file is larger than a megabyte", "a spec")])
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SpecError([Problem(str(path), None, "", f"not UTF-8 text (byte {error.start})")]) from error
    except OSError as error:
        raise MissingError(
            f"The spec {path} cannot be read: {error.strerror}.",
            expected="a YAML file, or the name of a shipped spec such as `quickstart`",
            do="check the path",
        ) from error


class _Walker:
    """Turns nodes into data, noting lines; a document that unfolds beyond its bound is refused."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._constructor = _LOADER("")
        self._nodes = 0

    def value(self, node: yaml.Node, place: Path_) -> Any:
        self._nodes += 1
        if self._nodes > _MOST_NODES or len(place) > _DEEPEST:
            many = "the document unfolds to too many values"
            raise SpecError(
                [Problem(str(self._source.path), None, "", many if self._nodes > _MOST_NODES else _TOO_DEEP)]
            )
        self._source.lines.setdefault(place, node.start_mark.line + 1)
        if node.tag not in _TYPES:
            self._source.fault(
                place, f"the tag {node.tag.removeprefix(_PLAIN)!r} is not allowed", expected="plain data"
            )
            return None
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*place, i)) for i, child in enumerate(node.value)]
        return self._scalar(node, place)

    def mapping(self, node: yaml.MappingNode, place: Path_) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._source.lines.setdefault(place, node.start_mark.line + 1)
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            here = (*place, key)
            self._source.lines.setdefault(here, key_node.start_mark.line + 1)
            if key in found:
                self._source.lines[here] = key_node.start_mark.line + 1
                self._source.fault(here, "this key stands here twice", expected="each key once")
            found[key] = self.value(value_node, here)
        return found

    def _scalar(self, node: yaml.Node, place: Path_) -> Any:
        if node.tag.endswith(":timestamp"):
            return node.value
        try:
            return self._constructor.construct_object(node)
        except (yaml.YAMLError, ValueError, LookupError):
            self._source.fault(place, f"{node.value!r} is no {node.tag.removeprefix(_PLAIN)}", expected="plain data")
            return None
