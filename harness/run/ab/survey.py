"""Both environments, each greeted by a worker of its own before anything runs: what is in it, and what follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from harness.base import digest
from harness.catalog.diffusers_table import table
from harness.errors import HarnessError, MissingError
from harness.plan.keys import Identity
from harness.plan.types import Plan
from harness.run.executor import call
from harness.run.guest import Guest
from harness.run.probing import LASTING
from harness.run.progress import Reporter
from harness.run.protocol import Describe, DescribeDone
from harness.run.station import Post, Station
from harness.run.survey import ESTIMATORS, MAKERS, Survey, survey
from harness.store.runs import slug
from harness.store.store import Store

SIDES = ("a", "b")


@dataclass(frozen=True)
class Surveyed:
    """One environment: the survey as its runs see it, what is installed, and the worker that was greeted.

    ``survey.posts`` are in the environment under test; scores are made by ``scoring``, in ours, for both.
    """

    guest: Guest
    survey: Survey
    installed: dict[str, str]
    table: dict[str, Any]
    stations: list[Station]
    scoring: Post


@contextmanager
def surveyed(
    store: Store, plan: Plan, devices: str | None, tell: Reporter, guests: Sequence[Guest], *, fresh: bool = False
) -> Iterator[list[Surveyed]]:
    """Look at both, for as long as the block lasts; their workers have ended after it.

    Raises:
        HarnessError: whatever `survey` raises; an environment whose worker cannot be started.
    """
    ours = survey(store, plan, devices, tell, fresh=fresh)
    found: list[Surveyed] = []
    stations: list[Station] = []
    try:
        for side, guest in zip(SIDES, guests, strict=True):
            tell.say(f"looking at the environment {guest.name}")
            posts = [_post(post, guest, side) for post in ours.posts]
            stations += (mine := [Station(post) for post in posts])
            found.append(_surveyed(ours, guest, mine))
        yield found
    finally:
        for station in stations:
            station.stop()


def _post(post: Post, guest: Guest, side: str) -> Post:
    """What the two leave behind lies apart, whatever they are called: "New" and "new" are one name to a file system."""
    own = f"{side}-{slug(guest.name)}"
    log = post.log_path.with_name(f"{post.log_path.stem}.{own}.log")
    tables = post.store_root / "tables" / own
    return replace(post, guest=replace(guest, tables=tables), log_path=log)


def _surveyed(ours: Survey, guest: Guest, stations: list[Station]) -> Surveyed:
    described = _described(guest, stations[0])
    greeting = stations[0].greeting
    assert greeting is not None
    environment = {**ours.environment, **{key: greeting.environment[key] for key in ("software", "torch", "device")}}
    seen = replace(
        ours,
        environment=environment,
        identity=_identity(ours.identity, environment, MAKERS, described),
        hint_identity=_identity(ours.hint_identity, environment, ESTIMATORS, described),
        fingerprint=digest([{key: environment[key] for key in LASTING}, described.installed, ours.fingerprint]),
        posts=[station.post for station in stations],
    )
    return Surveyed(guest, seen, described.installed, described.table, stations, ours.posts[0])


def _described(guest: Guest, station: Station) -> DescribeDone:
    """The greeting imports every pipeline of ours: an environment that is too old for them ends here."""
    try:
        reply = call(station.worker(), Describe(packages=tuple(dict.fromkeys((*MAKERS, *ESTIMATORS)))))
    except HarnessError as error:
        raise _unusable(guest, error.happened, error.do) from error
    if reply.failure is not None:
        raise _unusable(guest, reply.failure.reason, reply.failure.do)
    return DescribeDone.model_validate(reply.answer)


def _unusable(guest: Guest, reason: str, do: str) -> MissingError:
    return MissingError(
        f"No worker can work in the environment {guest.name} ({guest.python}): {reason}",
        expected=f"a diffusers with Kandinsky's pipelines that imports there, such as {table()['diffusers']}",
        do=f"try `{guest.python} -c 'import diffusers, transformers'`" + (f"; {do}" if do else ""),
    )


def _identity(
    ours: Identity, environment: dict[str, Any], packages: Sequence[str], described: DescribeDone
) -> Identity:
    flags = {name: value for name, value in environment["torch"].items() if name not in ("device", "threads")}
    return ours.model_copy(
        update={
            "device": str(environment["device"]["name"]),
            "versions": {name: described.identities.get(name) for name in packages},
            "flags": flags,
            "threads": environment["torch"]["threads"],
        }
    )


def salted(seen: Survey, salt: str) -> Survey:
    """The survey whose results are nobody else's: what was made in another place or at another time is no evidence."""

    def of(identity: Identity) -> Identity:
        return identity.model_copy(update={"versions": {**identity.versions, "made for": salt}})

    return replace(
        seen,
        identity=of(seen.identity),
        hint_identity=of(seen.hint_identity),
        fingerprint=digest([seen.fingerprint, salt]),
    )
