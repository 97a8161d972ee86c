"""A real browser for the console's pages: the Chromium that is installed, driven by Playwright.

Playwright waits for pages by itself, so tests say what they look for and press; nothing waits for a
clock. Nothing is downloaded: where there is no Chromium, these tests are skipped and say so. While
a browser is open its loop runs in this thread: what needs `asyncio.run` goes into another one.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Page, ViewportSize, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DESKTOP, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
_PATIENCE_MS = 120_000
"""Only what will never come takes so long, on a machine that others use too."""


class Browser:
    """One page of a browser."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.errors: list[str] = []
        """What the page's console said was wrong, such as a breach of its own policy."""
        page.on("console", self._heard)
        page.set_default_timeout(_PATIENCE_MS)

    def size(self, size: ViewportSize, *, dark: bool = False) -> None:
        """Make the page as wide and high as a screen, with its colours."""
        self._page.set_viewport_size(size)
        self._page.emulate_media(color_scheme="dark" if dark else "light")

    def on_paper(self) -> str:
        """Return what somebody can read of the page where it is printed."""
        self._page.emulate_media(media="print")
        said = self.text()
        self._page.emulate_media(media="screen")
        return said

    def go(self, url: str) -> None:
        """Open an address, and return when it is there."""
        self._page.goto(url)

    def fill(self, selector: str, text: str) -> None:
        """Write into a field."""
        self._page.fill(selector, text)

    def press(self, words: str) -> None:
        """Press the button or link that says this, and return when the next page is there."""
        said = re.compile(rf"^\s*{re.escape(words)}\s*$")
        with self._page.expect_navigation():
            self._page.locator("button, a").filter(has_text=said).click()

    def js(self, expression: str) -> Any:
        """Return what an expression is worth on the page."""
        return self._page.evaluate(expression)

    def text(self) -> str:
        """Return what somebody can read."""
        return self._page.inner_text("body")

    def wider(self) -> list[str]:
        """Return what sticks out of the screen at its side, or is to be scrolled there."""
        found = self._page.evaluate(
            "width => [...document.querySelectorAll('body *')].filter(one => "
            "one.getBoundingClientRect().right > width + 0.5"
            " || (one.matches('.wide') && one.scrollWidth > one.clientWidth))"
            ".map(one => `${one.tagName}: ${one.textContent.trim().slice(0, 60)}`)"
            ".concat(document.documentElement.scrollWidth > width ? ['the page'] : [])",
            (self._page.viewport_size or DESKTOP)["width"],
        )
        return [str(one) for one in found]

    def _heard(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.errors.append(f"{said.text} {said.location['url']}")


@contextmanager
def browser() -> Iterator[Browser]:
    """Start a browser; skip, and say why, where there is none."""
    if CHROMIUM is None:
        pytest.skip("NOT LOOKED AT IN A BROWSER: install chromium")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS) as chromium,
    ):
        # As on a phone: a page that does not say how wide it is would be as wide as a desk.
        yield Browser(chromium.new_page(viewport=DESKTOP, is_mobile=True))
