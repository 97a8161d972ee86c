"""Places as ISO 3166 codes: a country, or a part of one (`US-CA`), checked against the countries.

A code that nobody has would bind nobody, and no one would notice: so a slip is an error.
"""

import re

from phonenumbers import SUPPORTED_REGIONS

# Of ISO 3166-1 these have no telephone numbers of their own; AC and TA have, and are none of it.
_SILENT = frozenset({"AQ", "BV", "GS", "HM", "PN", "TF", "UM"})
COUNTRIES = (frozenset(SUPPORTED_REGIONS) | _SILENT) - {"AC", "TA"}
"""ISO 3166-1, and XK for Kosovo."""
_SHAPE = re.compile(r"([A-Z]{2})(?:-[A-Z0-9]{1,3})?", re.ASCII)
_ADVICE = {
    "UK": "the code of the United Kingdom is GB",
    "EU": "the European Union is no country: name its countries, or use the regime gdpr",
    "EL": "the code of Greece is GR",
}


def fault_of(place: str) -> str:
    """Return what is wrong with a place, or nothing."""
    if place in _ADVICE:
        return _ADVICE[place]
    shape = _SHAPE.fullmatch(place)
    if shape is None:
        return "write a place as an ISO 3166 code in capitals, as DE or US-CA"
    return "" if shape[1] in COUNTRIES else f"ISO 3166 has no country {shape[1]}"
