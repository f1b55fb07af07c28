"""A real Chromium driven through its debugging pipe: keys, clicks, reloads, downloads, and what it asked for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_QUIET = ("quic", "background-networking", "component-update", "sync", "extensions")
_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe",
          *(f"--disable-{name}" for name in _QUIET), "--host-resolver-rules=MAP * ~NOTFOUND"]  # fmt: skip
_PATIENCE_S = 60.0


class Browser:
    """One tab. ``console`` and ``asked`` gather what the page complained of and which addresses it asked for."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._read, self._last, self._session = b"", 0, ""
        self.console: list[str] = []
        self.asked: list[str] = []

    def begin(self, downloads: Path) -> None:
        """Open the tab."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send("Page.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))

    def open(self, page: Path) -> None:
        """Go to a file."""
        self.send("Page.navigate", url=page.as_uri())
        self.until(lambda: self.value("document.readyState") == "complete")

    def reload(self) -> None:
        """As F5."""
        self.value("window.before = true")
        self.send("Page.reload")
        self.until(self._is_reloaded)

    def _is_reloaded(self) -> bool:
        """Asked while the page is on its way out, the browser answers with an error."""
        try:
            return bool(self.value("document.readyState === 'complete' && !window.before"))
        except AssertionError as error:
            if "navigated" not in str(error):
                raise
            return False

    def key(self, name: str) -> None:
        """Press and release a key, as a person does."""
        text = {"text": name} if len(name) == 1 else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=name, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=name)

    def text(self, selector: str) -> str:
        """What an element says."""
        return str(self.value(f"document.querySelector({json.dumps(selector)}).textContent"))

    def value(self, expression: str) -> Any:
        """What an expression comes to in the page."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in found:
            raise AssertionError(found["exceptionDetails"])
        return found["result"].get("value")

    def until(self, holds: Callable[[], Any]) -> None:
        """Wait for something."""
        end = time.monotonic() + _PATIENCE_S
        while not holds():
            assert time.monotonic() < end, "the browser did not come so far"
            time.sleep(0.02)

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the DevTools protocol, and its answer."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if self._session and not method.startswith("Target."):
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == self._last:
                assert "error" not in found, found["error"]
                return dict(found["result"])
            self._note(found)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            more = os.read(self._answers, 1 << 16)
            assert more, "the browser has left"
            self._read += more
        line, _, self._read = self._read.partition(b"\0")
        return dict(json.loads(line))

    def _note(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        if event.get("method") == "Network.requestWillBeSent":
            url = params["request"]["url"]
            self.asked += [url] if not url.startswith(("file:", "data:", "blob:", "about:")) else []
        elif event.get("method") == "Runtime.exceptionThrown":
            self.console.append(params["exceptionDetails"]["exception"].get("description", "an exception"))
        elif event.get("method") == "Log.entryAdded":
            self.console.append(params["entry"]["text"])
        elif event.get("method") == "Runtime.consoleAPICalled":
            self.console.append(str([one.get("value") for one in params["args"]]))


@contextmanager
def browser(work: Path, *flags: str) -> Iterator[Browser]:
    """A browser with a profile and a folder of downloads of its own below ``work``."""
    assert CHROMIUM is not None
    to_read, commands = os.pipe()
    answers, to_write = os.pipe()
    command = [CHROMIUM, *_FLAGS, *flags, f"--user-data-dir={work / 'profile'}"]
    shell = ["bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "bash", *command]
    started = subprocess.Popen(
        shell, pass_fds=(to_read, to_write), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(to_read)
    os.close(to_write)
    try:
        tab = Browser(commands, answers)
        tab.begin(work)
        yield tab
    finally:
        started.terminate()
        started.wait(timeout=30)
        os.close(commands)
        os.close(answers)
