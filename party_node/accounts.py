"""Whose budget: towards whom, about whose people, and since when charges count (ADR 16).

An account is named by a dataset, because that is what jobs name; what counts is its lineage
(`lineages.py`): the same people under another name are the same account.
"""

import datetime
from dataclasses import dataclass

from protocols.dp.budget import PUBLIC

__all__ = ["EVERY", "FIRST", "PERSON", "PUBLIC", "PUBLIC_DELTA_EXPONENT", "Account", "month_of"]

PERSON = "person"
"""The protected unit: whose presence is hidden."""
EVERY = ""
"""In place of a dataset: all data of this party. Such a charge counts in every lineage."""
PUBLIC_DELTA_EXPONENT = 9
"""Epsilon of what is published is shown at delta 10^-9."""
FIRST = ""
"""The month of an account that was never renewed: from the beginning."""


@dataclass(frozen=True, slots=True)
class Account:
    """What is charged for all that `counterparty` learns about the people of a dataset."""

    counterparty: str
    """A party, or `PUBLIC` for what this party publishes about its own people."""
    dataset: str = EVERY
    monthly: bool = False
    """True where the agreement lets two people renew the budget in a new month: then charges count
    since the last renewal. Else all that were ever made do."""


def month_of(ms: int) -> str:
    """Return the calendar month of an instant in UTC, as `2026-12`."""
    return f"{datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC):%Y-%m}"
