"""Messy spellings: how one address or number looks in the files of two companies.

What `spell_…` returns means the same to a careful reader as the plain form; what `break_…` returns
means nothing. No code of the product is used: the generator knows what belongs together.
"""

import numpy as np
from numpy.typing import NDArray

from party_node.demo.fictional import CALLING_CODES

HOME = "GB"
"""Both sides write numbers of this country in national form at times."""

_FULL_WIDTH = {c: c + 0xFEE0 for c in range(0x21, 0x7F)}
_EMAIL_WEIGHTS = (0.58, 0.12, 0.08, 0.06, 0.06, 0.05, 0.03, 0.015, 0.005)
_PHONE_WEIGHTS = (0.25, 0.2, 0.15, 0.1, 0.1, 0.1, 0.1)
_BROKEN_PHONES = (
    "n/a",
    "12345",
    "tbc",
    "000 000 0000",
    "+44 20 79",
    "07700",
    "none",
    "+999 1234567",
)


def email_styles(rng: np.random.Generator, count: int) -> NDArray[np.uint8]:
    """Draw how each of `count` addresses is spelled."""
    return rng.choice(len(_EMAIL_WEIGHTS), count, p=_EMAIL_WEIGHTS).astype(np.uint8)


def phone_styles(rng: np.random.Generator, count: int) -> NDArray[np.uint8]:
    """Draw how each of `count` numbers is spelled."""
    return rng.choice(len(_PHONE_WEIGHTS), count, p=_PHONE_WEIGHTS).astype(np.uint8)


def spell_email(address: str, style: int) -> str:
    """Return a spelling of a plain, lower-case address; style 0 is the plain one."""
    match style:
        case 1:
            return address.title()
        case 2:
            return address.upper()
        case 3:
            return " " + address
        case 4:
            return address + "  "
        case 5:
            local, _, domain = address.partition("@")
            return f"{local}@{domain.capitalize()}"
        case 6:
            local, _, domain = address.partition("@")
            return f"{local}@{domain.encode('idna').decode()}"
        case 7:
            return f"\xa0{address.capitalize()}\t"
        case 8:
            return address.translate(_FULL_WIDTH)
        case _:
            return address


def spell_phone(country: str, national: str, style: int) -> str:
    """Return a spelling of a number given without its national prefix."""
    code = CALLING_CODES[country]
    cut = 3 if country == "US" else 2
    area, middle, last = national[:cut], national[cut:-4], national[-4:]
    if country == HOME and style >= 4:
        return (f"0{area} {middle} {last}", f"(0{area}) {middle}-{last}", f"0{national}")[style - 4]
    match style:
        case 1:
            return f"+{code} {area} {middle} {last}"
        case 2:
            return f"00{code} {area} {middle} {last}"
        case 3:
            return f"+{code}-{area}-{middle}-{last}"
        case 4:
            return f"+{code}.{area}.{middle}.{last}"
        case 5:
            return f"(+{code}) {area} {middle}{last}"
        case 6:
            return f" 00{code}{national} "
        case _:
            return f"+{code}{national}"


def break_email(address: str, style: int) -> str:
    """Return what is left of an address after careless typing: nothing that can be used."""
    local, _, domain = address.partition("@")
    return (
        "n/a",
        local,
        f"{local}@",
        f"{local}@@{domain}",
        f"{local} at {domain}",
        f"{local}@example..com",
        f"@{domain}",
    )[style % 7]


def break_phone(style: int) -> str:
    """Return something that is no telephone number."""
    return _BROKEN_PHONES[style % len(_BROKEN_PHONES)]
