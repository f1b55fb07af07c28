"""The A/A noise of the environment that a run was made in, where `harness doctor --noise` measured it."""

from __future__ import annotations

from harness.errors import StoreError
from harness.report.view import RunView
from harness.store.noise import Noise, noise_of, weights_digest


def noise_words(view: RunView) -> list[str]:
    """A line for each of the run's models that was timed and measured; what cannot be read is said."""
    timed = [cell for cell in view.cells if cell.timing is not None]
    kinds = dict.fromkeys((cell.settings.model, weights_digest(cell.weights)) for cell in timed)
    try:
        found = [noise_of(view.store, view.run.environment_digest, *kind) for kind in kinds]
    except StoreError as error:
        return [str(error).splitlines()[0].rstrip(".")]
    return [_line(view, noise) for noise in found if noise is not None]


def _line(view: RunView, noise: Noise) -> str:
    when = f"{noise.visits} visits of {noise.model} on {noise.measured_at[:10]}"
    return f"{noise.words(view.plan.timing.rounds)} ({when})"
