"""An A/A self-test in words, for a terminal."""

from __future__ import annotations

from harness.store.noise import Noise, SmallestDifference

_SHOWN = (2, 3, 5, 8, 12, 20)


def render_noise(noise: Noise) -> str:
    """What the machine's noise is, what can be told apart in it, and what to put into a spec."""
    parts = [_head(noise), _spread(noise), _seen(noise), _suggested(noise)]
    return "\n\n".join(parts)


def _head(noise: Noise) -> str:
    return (
        f"A/A noise of this machine: {noise.model} twice, {noise.cell}, on {noise.device}\n"
        f"{noise.visits} visits of {noise.calls} calls each, interleaved, in {noise.seconds:.0f} s; "
        f"{1000 * noise.latency_s:.4g} ms a call"
    )


def _spread(noise: Noise) -> str:
    between = f"{_percent(noise.beside_low)} to {_percent(noise.beside_high)}" if noise.beside_low is not None else ""
    rows = [
        ("between calls of a visit", _percent(noise.between_calls)),
        ("between visits", _percent(noise.between_visits)),
        ("the one over the other", f"{_percent(noise.beside, sign=True)} (90 % interval {between}; nothing differs)"),
        ("drift", f"{_percent(noise.drift)}, as the timing pass reads it"),
        ("trend", _trend(noise)),
        ("peak memory", _memory(noise)),
        ("pictures", _pictures(noise)),
        ("disturbances", "; ".join(noise.disturbances) or "none was seen"),
    ]
    return "\n".join(f"  {name:<26}{text}" for name, text in rows)


def _trend(noise: Noise) -> str:
    if noise.trend_per_minute is None:
        return "unknown: it needs three visits"
    low, high = _percent(noise.trend_low, sign=True), _percent(noise.trend_high, sign=True)
    return f"{_percent(noise.trend_per_minute, sign=True)} a minute (90 % interval {low} to {high})"


def _memory(noise: Noise) -> str:
    if noise.memory_between_visits is None or noise.peak_memory_bytes is None:
        return "not measured in every visit"
    return f"{noise.peak_memory_bytes / 2**20:.4g} MiB, {_percent(noise.memory_between_visits)} between visits"


def _pictures(noise: Noise) -> str:
    if noise.identical_pictures is None:
        return "not held against each other"
    if noise.identical_pictures:
        return "bit-identical in every call of every visit"
    return f"not identical: up to {noise.largest_pixel_difference} of 255 levels apart"


def _seen(noise: Noise) -> str:
    """A table: visits, and the smallest difference of latency and of memory that they call."""
    memory = {one.visits: one for one in noise.smallest_memory}
    lines = ["smallest difference that is called, 4 times in 5, at a margin of zero",
             f"  {'visits':<8}{'latency, in one process':<26}{'latency, two runs':<20}memory, two runs"]  # fmt: skip
    for one in noise.smallest:
        if one.visits in _SHOWN:
            lines.append(f"  {one.visits:<8}{_size(one.beside):<26}{_size(one.apart):<20}{_far(memory, one)}".rstrip())
    return "\n".join(lines)


def _far(memory: dict[int, SmallestDifference], one: SmallestDifference) -> str:
    return _size(memory[one.visits].apart) if one.visits in memory else "—"


def _size(share: float | None) -> str:
    return "—" if share is None else _percent(share)


def _suggested(noise: Noise) -> str:
    margins = ", ".join(f"{metric}: {margin}" for metric, margin in noise.margins.items())
    timing = ", ".join(f"{name}: {value}" for name, value in noise.timing.items())
    told = [f"  {line}" for line in noise.advice]
    return "\n".join(["for a spec", f"  margins: {{{margins}}}", f"  timing: {{{timing}}}", *told])


def _percent(share: float | None, *, sign: bool = False) -> str:
    if share is None:
        return "—"
    text = f"{abs(100 * share):.2g}" if abs(share) < 1 else f"{abs(100 * share):.0f}"
    mark = "" if float(text) == 0 else "−" if share < 0 else "+" if sign else ""
    return f"{mark}{text} %"
