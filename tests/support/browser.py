"""A real browser for the console's pages: Chromium without a window, driven over two pipes.

It speaks the DevTools protocol, a JSON object and a zero byte at a time, so nothing has to be
installed beside Chromium. Tests say what they look for and press; nothing waits for a clock.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DESKTOP, PHONE = (1280, 900), (390, 844)
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-extensions", "--disable-background-networking", "--disable-component-update",
    "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
# The browser reads from file 3 and writes to file 4.
_BEGIN = """
import os, sys
os.dup2(int(sys.argv[1]), 100)
os.dup2(int(sys.argv[2]), 101)
os.dup2(100, 3)
os.dup2(101, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """One page of a browser."""

    def __init__(self, to: IO[bytes], back: IO[bytes]) -> None:
        self._to, self._back = to, back
        self._number, self._session = 0, ""
        self._there: set[str] = set()
        """Documents that have loaded."""
        self.errors: list[str] = []
        """What the page's console said was wrong, such as a breach of its own policy."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        found = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = found["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Page.setLifecycleEventsEnabled", enabled=True)

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """Ask for something and return the answer; what the page says meanwhile is kept."""
        self._number += 1
        asked: dict[str, Any] = {"id": self._number, "method": method, "params": given}
        if self._session:
            asked["sessionId"] = self._session
        self._to.write(json.dumps(asked).encode() + b"\0")
        self._to.flush()
        while True:
            said = self._hear()
            if said.get("id") == self._number:
                assert "error" not in said, (method, said)
                answer: dict[str, Any] = said["result"]
                return answer

    def size(self, size: tuple[int, int], *, dark: bool = False) -> None:
        """Make the page as wide and high as a screen, with its colours."""
        width, height = size
        mobile = width < 600
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=mobile)  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def go(self, url: str) -> None:
        """Open an address, and return when it is there."""
        document = self.call("Page.navigate", url=url)["loaderId"]
        while document not in self._there:
            self._hear()

    def fill(self, selector: str, text: str) -> None:
        """Write into a field."""
        self.js(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(text)}")

    def press(self, words: str) -> None:
        """Press the button or link that says this, and return when the next page is there."""
        before = set(self._there)
        found = self.js(
            "(() => { const found = [...document.querySelectorAll('button, a')]"
            f".filter(one => one.textContent.trim() === {json.dumps(words)});"
            "if (found.length === 1) setTimeout(() => found[0].click(), 0);"
            "return found.length })()"
        )
        assert found == 1, f"{found} buttons say {words!r}"
        while self._there == before:
            self._hear()

    def js(self, expression: str) -> Any:
        """Return what an expression is worth on the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def text(self) -> str:
        """Return what somebody can read."""
        return str(self.js("document.body.innerText"))

    def wider(self) -> list[str]:
        """Return what sticks out of the page at its side, or is to be scrolled there."""
        found = self.js(
            "[...document.querySelectorAll('body *')].filter(one => "
            "one.getBoundingClientRect().right > innerWidth + 0.5"
            " || (one.matches('.wide') && one.scrollWidth > one.clientWidth))"
            ".map(one => `${one.tagName}: ${one.textContent.trim().slice(0, 60)}`)"
            ".concat(document.documentElement.scrollWidth > innerWidth ? ['the page'] : [])"
        )
        return [str(one) for one in found]

    def picture(self, file: Path) -> None:
        """Keep a picture of the whole page."""
        whole = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": whole["width"], "height": whole["height"], "scale": 1}
        shot = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        file.write_bytes(b64decode(shot["data"]))

    def _hear(self) -> dict[str, Any]:
        read = bytearray()
        while (byte := self._back.read(1)) != b"\0":
            assert byte, "the browser has gone"
            read += byte
        said: dict[str, Any] = json.loads(read)
        match said:
            case {"method": "Log.entryAdded", "params": {"entry": {"level": "error"} as entry}}:
                self.errors.append(f"{entry['text']} {entry.get('url', '')}")
            case {
                "method": "Page.lifecycleEvent",
                "params": {"name": "load", "loaderId": document},
            }:
                self._there.add(document)
        return said


@contextmanager
def browser() -> Iterator[Browser]:
    """Start a browser; skip, and say why, where there is none."""
    if CHROMIUM is None:
        pytest.skip("NOT LOOKED AT IN A BROWSER: install chromium")
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN, str(theirs_in), str(theirs_out), CHROMIUM, *_FLAGS,
             f"--user-data-dir={folder}"],
            pass_fds=(theirs_in, theirs_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        with os.fdopen(ours_out, "wb") as to, os.fdopen(ours_in, "rb") as back:
            try:
                yield Browser(to, back)
            finally:
                process.kill()
                process.wait()
