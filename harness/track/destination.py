"""Where a run is sent, and how that place is named to people: without its secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

_SECRET = re.compile(r"(?<=://)[^/\s@]*@")
_SQLITE = "sqlite:///"
DATABASE, ARTIFACTS = "mlflow.db", "mlflow-artifacts"


@dataclass(frozen=True)
class Destination:
    """``uri`` as MLflow takes it, secrets included; ``database`` the file behind it, if it is a SQLite one."""

    uri: str
    database: Path | None

    @property
    def shown(self) -> str:
        """The address without user, password and query."""
        parts = urlsplit(self.uri)
        if self.database is not None or not parts.netloc:
            return self.uri
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    @property
    def artifact_location(self) -> str | None:
        """Beside a SQLite file; ``None`` leaves it to the server."""
        return None if self.database is None else (self.database.parent / ARTIFACTS).as_uri()

    def page(self, experiment_id: str, run_id: str) -> str | None:
        """The run's page on a server; ``None`` where there is no server."""
        if not self.uri.startswith(("http://", "https://")):
            return None
        return f"{self.shown.rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"

    def without_secrets(self, text: str) -> str:
        """``text`` (a library's message, say) without this address's user, password and query."""
        parts = urlsplit(self.uri)
        user = parts.netloc.rpartition("@")[0]
        for secret in (f"{user}@" if user else "", f"?{parts.query}" if parts.query else ""):
            text = text.replace(secret, "") if secret else text
        return without_userinfo(text)


def destination(store_root: Path, tracking_uri: str | None) -> Destination:
    """The address that was asked for, or the store's own SQLite file."""
    if not tracking_uri:
        database = (store_root / DATABASE).absolute()
        return Destination(_SQLITE + quote(database.as_posix(), safe="/ "), database)
    if tracking_uri.startswith(_SQLITE):
        return Destination(tracking_uri, Path(unquote(tracking_uri.removeprefix(_SQLITE).partition("?")[0])).absolute())
    return Destination(tracking_uri, None)


def without_userinfo(text: str) -> str:
    """``text`` with ``user:password@`` taken out of every address in it."""
    return _SECRET.sub("", text)
