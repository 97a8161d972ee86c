"""Regimes: what the law of a place asks for, as far as a decision needs to know it.

The ages, bases and terms are defaults that shape decisions; they are not legal advice, and an
operator's policy may replace them. Where several regimes apply to one event (the place of capture,
the person's residence, the controller's seat), the strictest counts (rule 15).
"""

# ruff: noqa: RUF009 - `field` is dataclasses.field with a codec

import re
from collections.abc import Iterable
from dataclasses import dataclass

from consent import fields
from consent.fields import Payload, field, one_of, sequence
from consent.words import EVERYWHERE, Basis

_PLACES = sequence(fields.words, ascending=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime(Payload):
    """One body of law and where it applies."""

    regime_id: str = field(fields.name)
    places: tuple[str, ...] = field(_PLACES)
    """ISO 3166 codes; `*` is every place that no other regime names."""
    basis: Basis = field(one_of(Basis), Basis.CONSENT)
    """What a purpose needs that says nothing of its own about the place."""
    guardian_below: int = field(fields.integer(0, 18), 16)
    """Below this age a guardian consents."""
    answer_days: int = field(fields.integer(1, 365), 30)
    """Days until a person's request must be answered."""
    extension_days: int = field(fields.integer(0, 365), 0)
    """Days by which the answer may be put off, with a reason."""


_EEA = (
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS",
    "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
)  # fmt: skip

DEFAULT_REGIMES = (
    Regime(
        regime_id="ccpa", places=("US-CA",), guardian_below=13, answer_days=45, extension_days=45
    ),
    Regime(regime_id="coppa", places=("US",), guardian_below=13, answer_days=45, extension_days=45),
    # Article 8 lets member states go down to 13; an operator who knows better says so.
    Regime(regime_id="gdpr", places=_EEA, guardian_below=16, extension_days=60),
    Regime(regime_id="pipl", places=("CN",), guardian_below=14, answer_days=15),
    Regime(regime_id="strictest", places=(EVERYWHERE,), guardian_below=16, answer_days=15),
    Regime(regime_id="uk-gdpr", places=("GB",), guardian_below=13, extension_days=60),
)


# The codes that ISO 3166 leaves to its users say no country, but for Kosovo's.
_PLACE = re.compile(r"(?!AA|Q[M-Z]|X(?!K)[A-Z]|ZZ)[A-Z]{2}(?:-[A-Z0-9]{1,3})?", re.ASCII)


def is_place(text: str) -> bool:
    """Return whether a text is the code of a country or of a part of one, as `CN` or `CN-31`."""
    return _PLACE.fullmatch(text) is not None


def lies_in(place: str, named: Iterable[str]) -> str | None:
    """Return which of `named` covers `place`, the nearest first: itself, its country, everywhere.

    `CN-31` lies in `CN`. An unknown place (empty) lies everywhere only.
    """
    names = set(named)
    for candidate in (place, place.partition("-")[0], EVERYWHERE):
        if candidate and candidate in names:
            return candidate
    return None
