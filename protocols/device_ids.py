"""Identifiers of devices: one spelling for each advertising id or IMEI.

    idfa   Apple's advertising id: a UUID, in upper case with hyphens as the system writes it
    gaid   Google's advertising id: a UUID, in lower case with hyphens
    oaid   the id of the Mobile Security Alliance, whose form is the maker's: 32 hexadecimal digits
           become a UUID in lower case with hyphens; 16 or 64 stay digits, in lower case
    imei   15 digits; the last is the check digit over the others (3GPP TS 23.003 §6.2, annex B)

White space off both ends, then: a UUID with its hyphens in their places or with none; the parts of
an IMEI with single spaces, hyphens or slashes between them, or none. An id of zeros alone says that
the person has refused, and stands for millions of people: it is none. An IMEI of 14 digits (no
check digit, or a spreadsheet took a zero away) or of 16 (a software version, and no check digit) is
none either: which one is meant would be a guess. Nothing here says whether a device exists.
"""

import re

DEVICE_KINDS = ("idfa", "gaid", "oaid", "imei")
"""Kinds of device identifier, as collaborations name them."""

_UUID = re.compile(
    r"([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})", re.ASCII
)
_OTHER_OAID = re.compile(r"[0-9a-f]{16}|[0-9a-f]{64}", re.ASCII)
_IMEI = re.compile(r"[0-9](?:[ \-/]?[0-9]){14}", re.ASCII)
_LONGEST = 64


def device_id(kind: str, text: str) -> str | None:
    """Return the one spelling of a device identifier, or None where it is not a usable one.

    `kind` is one of `DEVICE_KINDS`; `text` has no white space around it.
    """
    if len(text) > _LONGEST:
        return None
    if kind == "imei":
        return _imei(text)
    lower = text.lower()
    found = _uuid(lower)
    if found is None and kind == "oaid" and _OTHER_OAID.fullmatch(lower):
        found = lower
    if found is None or not found.strip("0-"):
        return None
    return found.upper() if kind == "idfa" else found


def check_digit(digits: str) -> str:
    """Return the digit that makes `digits` and it an IMEI: Luhn's, doubling from the right."""
    doubled = [int(d) * (2 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits))]
    return str(-sum(d // 10 + d % 10 for d in doubled) % 10)


def _uuid(text: str) -> str | None:
    found = _UUID.fullmatch(text)
    if found is None or text.count("-") not in (0, 4):
        return None
    return "-".join(found.groups())


def _imei(text: str) -> str | None:
    if _IMEI.fullmatch(text) is None:
        return None
    digits = re.sub(r"[ \-/]", "", text)
    if not digits.strip("0") or check_digit(digits[:-1]) != digits[-1]:
        return None
    return digits
