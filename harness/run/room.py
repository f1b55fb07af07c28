"""How much memory there is for one more worker."""

from __future__ import annotations

from harness.measure.system import memory
from harness.run.doctor.limits import cgroup_room


def free_bytes() -> int:
    """Bytes that can be had: of the machine, and of what a container leaves of it."""
    left = cgroup_room()
    return memory()[1] if left is None else min(memory()[1], left)
