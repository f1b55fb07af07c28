"""torch.compile. Proof: what the running pipeline calls is a compiled module, and graphs were compiled for it.

In a combined pipeline ``pipeline.unet = torch.compile(pipeline.unet)``, as diffusers' guide writes it, leaves the inner
pipeline's network as it was, in silence: ``assign: combined`` does just that, and is found to be a no-op. Calling
``module.forward`` would bypass compilation, and where dynamo is switched off it is passed over without a word: so the
graphs that are compiled within calls of the network are counted. One graph somewhere inside it is not the network:
they must be of its own code, and a break in the middle makes it *partly*.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch

from harness.catalog.stacks import option, parts_of_choice
from harness.catalog.types import OptimizationChoice
from harness.optimizations.target import Target, network, place_of, plain
from harness.optimizations.types import Before, Finding, Optimization
from harness.store.records import Outcome

_METHODS = {"movq": "decode"}  # what the pipeline calls of it, where that is not the module itself


class Graphs:
    """What calls of one compiled network did: how many there were, and what was compiled in them.

    ``own``: graphs of the network's own code; the others are of parts of it that were compiled by themselves, because
    the whole was not. ``breaks``: why dynamo stopped in the middle → how often.
    """

    def __init__(self, module: Any, method: str) -> None:
        self.calls = self.compiled = self.own = 0
        self.breaks: Counter[str] = Counter()
        self._code = [*_codes(getattr(type(plain(module)), method)), *_codes(getattr(plain(module), method))]
        self._graphs, self._broke, self._seen = 0, Counter[str](), set[int]()

    def begin(self, *_: Any) -> None:
        """Before a call."""
        self._graphs, self._broke, self._seen = _graphs(), _breaks(), {id(one) for one in _compilations()}

    def end(self, *_: Any) -> None:
        """After it."""
        self.calls += 1
        self.compiled += _graphs() - self._graphs
        made = [one for one in _compilations() if id(one) not in self._seen]
        self.own += sum(bool(one.graph_op_count) and self._is_own(one) for one in made)
        gone = Counter(_first_line(one.fail_reason) for one in made if one.fail_reason)
        self.breaks += (_breaks() - self._broke) | gone  # one break may be told in both

    def _is_own(self, one: Any) -> bool:
        """After a break dynamo goes on in a function of its own, which it names after the one that it broke in."""
        return any(
            one.co_filename == code.co_filename
            and (one.co_firstlineno == code.co_firstlineno or f"resume_in_{code.co_name}_at" in one.co_name)
            for code in self._code
        )


def _codes(function: Any) -> list[Any]:
    """Of a function and of all that decorators and hooks have put around it."""
    found = []
    while function is not None:
        inner = getattr(function, "func", function)  # of a partial one
        found += [inner.__code__] if hasattr(inner, "__code__") else []
        function = getattr(function, "__wrapped__", None)
    return found


def _graphs() -> int:
    from torch._dynamo.utils import counters  # a second of import, which only compiling needs

    return int(counters["stats"]["unique_graphs"])


def _breaks() -> Counter[str]:
    from torch._dynamo.utils import counters

    found: Counter[str] = Counter()
    for reason, times in counters["graph_break"].items():
        found[_first_line(str(reason))] += int(times)
    return found


def _compilations() -> list[Any]:
    """What dynamo tells of the newest frames that it looked at, 64 at most."""
    from torch._dynamo.utils import get_compilation_metrics

    return list(get_compilation_metrics())


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:120] if text.strip() else "no reason given"


def _compile(function: Any, choice: OptimizationChoice, graphs: Graphs) -> Any:
    dynamic = option(choice, "dynamic")
    compiled = torch.compile(
        function,
        mode=str(option(choice, "mode")),
        fullgraph=bool(option(choice, "fullgraph")),
        dynamic=None if dynamic == "auto" else bool(dynamic),
    )
    if isinstance(compiled, torch.nn.Module):  # its own hooks run outside of what is compiled
        compiled.register_forward_pre_hook(graphs.begin)
        compiled.register_forward_hook(graphs.end)
        return compiled
    return _counting(compiled, graphs)


def _counting(compiled: Callable[..., Any], graphs: Graphs) -> Callable[..., Any]:
    @functools.wraps(compiled)
    def call(*arguments: Any, **keywords: Any) -> Any:
        graphs.begin()
        result = compiled(*arguments, **keywords)
        graphs.end()
        return result

    return call


def _apply(target: Target, choice: OptimizationChoice) -> Before:
    before: Before = {}
    for part in parts_of_choice(choice):
        holder, name = _place(target, part, choice)
        module = getattr(holder, name) if part not in _METHODS else holder
        before[part] = Graphs(module, _METHODS.get(part, "forward"))
        setattr(holder, name, _compile(getattr(holder, name), choice, before[part]))
    return before


def _place(target: Target, part: str, choice: OptimizationChoice) -> tuple[Any, str]:
    """What holds the thing that is compiled, and its name there."""
    if option(choice, "assign") == "combined":
        return target.combined, "prior_prior" if part == "prior" else part
    return (network(target, part), _METHODS[part]) if part in _METHODS else place_of(target, part)


def _is_compiled(target: Target, part: str) -> bool:
    from torch._dynamo import OptimizedModule

    module = network(target, part)
    if part in _METHODS:
        return hasattr(getattr(module, _METHODS[part]), "_torchdynamo_orig_callable")
    return isinstance(module, OptimizedModule) or module._compiled_call_impl is not None


def _verify(target: Target, choice: OptimizationChoice, before: Before) -> Iterator[Finding]:
    for part in parts_of_choice(choice):
        graphs, compiled = before[part], _is_compiled(target, part)
        what = "a compiled module" if compiled else "a plain module"
        yield Finding(
            part=part,
            observed=f"the pipeline that runs calls {what}; {_told(graphs)}",
            proof="the type of what the running pipeline holds, and what torch._dynamo compiled in calls of it: whose "
            "code, and where it broke off",
            outcome="no-op" if not compiled else _outcome(graphs),
        )


def _outcome(graphs: Graphs) -> Outcome:
    """A graph somewhere inside is not the network: it must be of its own code, and in one piece."""
    if not graphs.compiled:
        return "failed"
    return "applied" if graphs.own and not graphs.breaks else "partly"


def _told(graphs: Graphs) -> str:
    counted = f"{graphs.compiled} graphs and {graphs.breaks.total()} graph breaks in {graphs.calls} calls of it"
    alone = "" if graphs.own or not graphs.compiled else "; none of them is of its own code: only parts are compiled"
    why = "".join(f"; {times} × {reason}" for reason, times in graphs.breaks.most_common(3))
    return f"{counted}{alone}{why}"


COMPILE = Optimization(_apply, _verify)
