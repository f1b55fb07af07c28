"""torch.compile. Proof: what the running pipeline calls is a compiled module, and graphs were compiled for it.

In a combined pipeline ``pipeline.unet = torch.compile(pipeline.unet)``, as diffusers' guide writes it, leaves the inner
pipeline's network as it was, in silence: ``assign: combined`` does just that, and is found to be a no-op. Calling
``module.forward`` would bypass compilation, and where dynamo is switched off it is passed over without a word: so the
graphs that are compiled within calls of the network are counted.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch

from harness.catalog.stacks import option, parts_of_choice
from harness.catalog.types import OptimizationChoice
from harness.optimizations.target import Target, network, place_of
from harness.optimizations.types import Before, Finding, Optimization

_METHODS = {"movq": "decode"}  # what the pipeline calls of it, where that is not the module itself


class Graphs:
    """What calls of one compiled network did: how many there were, and how many graphs were compiled in them."""

    def __init__(self) -> None:
        self.calls = self.compiled = self.breaks = 0
        self._before = (0, 0)

    def begin(self, *_: Any) -> None:
        """Before a call."""
        self._before = _counted()

    def end(self, *_: Any) -> None:
        """After it."""
        graphs, breaks = _counted()
        self.calls += 1
        self.compiled += graphs - self._before[0]
        self.breaks += breaks - self._before[1]


def _counted() -> tuple[int, int]:
    from torch._dynamo.utils import counters  # a second of import, which only compiling needs

    return int(counters["stats"]["unique_graphs"]), int(sum(counters["graph_break"].values()))


def _compile(function: Any, choice: OptimizationChoice) -> tuple[Any, Graphs]:
    graphs, dynamic = Graphs(), option(choice, "dynamic")
    compiled = torch.compile(
        function,
        mode=str(option(choice, "mode")),
        fullgraph=bool(option(choice, "fullgraph")),
        dynamic=None if dynamic == "auto" else bool(dynamic),
    )
    if isinstance(compiled, torch.nn.Module):  # its own hooks run outside of what is compiled
        compiled.register_forward_pre_hook(graphs.begin)
        compiled.register_forward_hook(graphs.end)
        return compiled, graphs
    return _counting(compiled, graphs), graphs


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
        if option(choice, "assign") == "combined":
            name = "prior_prior" if part == "prior" else part
            compiled, graphs = _compile(getattr(target.combined, name), choice)
            setattr(target.combined, name, compiled)
        elif part in _METHODS:
            module, method = network(target, part), _METHODS[part]
            compiled, graphs = _compile(getattr(module, method), choice)
            setattr(module, method, compiled)
        else:
            holder, name = place_of(target, part)
            compiled, graphs = _compile(getattr(holder, name), choice)
            setattr(holder, name, compiled)
        before[part] = graphs
    return before


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
            observed=f"the pipeline that runs calls {what}; {graphs.compiled} graphs and {graphs.breaks} graph breaks "
            f"in {graphs.calls} calls of it",
            proof="the type of what the running pipeline holds, and torch._dynamo's counters around its calls",
            outcome="no-op" if not compiled else "applied" if graphs.compiled else "failed",
        )


COMPILE = Optimization(_apply, _verify)
