"""A real headless Chromium, told what to do over a pipe (the DevTools protocol): no port, no driver.

Only what tests of our page need: open a file, evaluate, media, errors, requests, PDF.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium")
WHY_NOT = "chromium is not installed (make system-packages)"
ANSWERS_WITHIN = 25.0  # seconds; it answers within one
_QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--remote-debugging-pipe",
)


class Browser:
    """One page in a browser. Everything it said and asked for is kept."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._unread = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self._call("Target.createTarget", url="about:blank")
        attached = self._call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        self.resize(1280)

    def open(self, page: Path) -> None:
        """Load the file and wait until it is drawn."""
        before = self._loaded()
        self._call("Page.navigate", url=page.as_uri())
        while self._loaded() == before:
            self._read()

    def prefer(self, scheme: str, *, media: str = "screen") -> None:
        """See the page as somebody who prefers `light` or `dark`, on a screen or on paper."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", media=media, features=features)

    def resize(self, width: int) -> None:
        """Make the window so wide, in CSS pixels."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=False,
        )

    def ask(self, expression: str) -> Any:
        """What the JavaScript expression gives; the page's own policy does not bind it."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def print(self) -> bytes:
        """The page as PDF."""
        return base64.b64decode(self._call("Page.printToPDF", printBackground=True)["data"])

    def picture(self) -> bytes:
        """What is seen of the page, as PNG."""
        return base64.b64decode(self._call("Page.captureScreenshot")["data"])

    def complaints(self) -> list[str]:
        """Every error and warning of the console and the log."""
        said = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
        return [json.dumps(each["params"]) for each in self.events if each["method"] in said]

    def requested(self) -> list[str]:
        """Every address the page asked for."""
        asked = [each for each in self.events if each["method"] == "Network.requestWillBeSent"]
        return [each["params"]["request"]["url"] for each in asked]

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer)
                found: dict[str, Any] = answer["result"]
                return found

    def _loaded(self) -> int:
        return sum(each["method"] == "Page.loadEventFired" for each in self.events)

    def _read(self) -> dict[str, Any]:
        end = time.monotonic() + ANSWERS_WITHIN
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._answers], [], [], max(0, end - time.monotonic()))
            piece = os.read(self._answers, 1 << 20) if ready else b""
            assert piece, "the browser says nothing"
            self._unread += piece
        line, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if "method" in message:
            self.events.append(message)
        return message


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """Start a browser with an empty profile; end it, whatever happens."""
    theirs_in, commands = os.pipe()
    answers, theirs_out = os.pipe()
    # DevTools speaks on descriptors 3 and 4.
    moved = f'exec "$@" 3</dev/fd/{theirs_in} 4>/dev/fd/{theirs_out}'
    program = [PROGRAM or "chromium", *_QUIET, f"--user-data-dir={folder / 'profile'}"]
    process = subprocess.Popen(
        ["sh", "-c", moved, "sh", *program, "about:blank"],
        pass_fds=(theirs_in, theirs_out),
        env={**os.environ, "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Browser(commands, answers)
    finally:
        os.close(commands)
        os.close(answers)
        process.terminate()
        process.wait(timeout=ANSWERS_WITHIN)
