"""A page of the console looked at on all screens: what fits, what can be read, what has a name."""

from tests.support.browser import DESKTOP, PHONE, Browser
from tests.support.consoles import TOKEN

SCREENS = [(size, dark) for size in (DESKTOP, PHONE) for dark in (False, True)]
LEVELS = """
(() => { const levels = [...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1]);
return levels.filter((level, n) => n ? level > levels[n - 1] + 1 : level !== 1).length })()
"""
"""Headings that skip a level."""
NAMELESS = """
[...document.querySelectorAll('input:not([type=hidden]), textarea, select')]
.filter(one => !one.labels.length).map(one => one.name)
"""
LOOSE = "[...document.querySelectorAll('th')].filter(one => !one.scope).length"
"""Headers of tables that do not say what they head."""
FAINT = """
(() => {
  const part = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const rgba = text => text.match(/[0-9.]+/g).map(Number);
  const behind = one => {
    for (; one; one = one.parentElement) {
      const found = rgba(getComputedStyle(one).backgroundColor);
      if (found.length < 4 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const one of document.querySelectorAll('body *')) {
    const own = [...one.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || one.tagName === 'title') continue;
    const svg = one.closest('svg');
    const ink = rgba(svg ? getComputedStyle(one).fill : getComputedStyle(one).color);
    const [high, low] = [light(ink), light(behind(one))].sort((a, b) => b - a);
    if ((high + 0.05) / (low + 0.05) < 4.5) faint.push(one.textContent.trim().slice(0, 40));
  }
  return faint;
})()
"""
"""Text with less than 4.5 : 1 of contrast (WCAG 2.2, AA)."""


def sign_in(page: Browser, address: str, token: str = TOKEN) -> None:
    page.go(f"{address}/")
    page.fill("#token", token)
    page.press("Sign in")


def look(page: Browser, url: str) -> None:
    """Look at a page on all screens."""
    for size, dark in SCREENS:
        page.size(size, dark=dark)
        page.go(url)
        assert page.wider() == [], (url, size)
        assert page.js(FAINT) == [], (url, dark)
        assert page.js(LEVELS) == 0, url
        assert page.js(NAMELESS) == [], url
        assert page.js(LOOSE) == 0, url
