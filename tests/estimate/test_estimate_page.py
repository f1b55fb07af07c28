"""What docs/preflight.md says of the code is so: changes, devices, error, patience. The rest takes minutes."""

from __future__ import annotations

from estimate.page import PAGE, read


def test_how_to_read_the_page_is_fresh() -> None:
    told = PAGE.read_text(encoding="utf-8")
    example = told.split("```")[1].split("\n", 2)[2].removesuffix("\n")
    assert "held against" in example and told.startswith(read(example)), "run `nox -s preflight`"
