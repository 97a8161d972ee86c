"""Words about a request that go into the ledger: they must name the request and never the person.

An entry of the ledger outlives the erasure that it documents. What looks like an e-mail address or
a long number in such words is refused. A name cannot be told from other words: people are warned.
"""

import re

from party_node.requests.errors import IdentifierInText

_ADDRESS = re.compile(r"\S@\S")
_NUMBER = re.compile(r"\d(?:[\s().\-/]?\d){6,}")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


def nameless(text: str) -> str:
    """Return the text if nothing in it looks like an identifier; dates are none.

    Raises: IdentifierInText, which does not repeat it.
    """
    without_dates = _DATE.sub("-", text)
    if _ADDRESS.search(text) or _NUMBER.search(without_dates):
        raise IdentifierInText
    return text


def nameless_or_none(text: str | None) -> str | None:
    """Return the same of a text that may be left out."""
    return None if text is None else nameless(text)
