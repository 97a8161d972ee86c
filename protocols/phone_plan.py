"""Numbering plans as regular expressions: a quick answer for plainly written phone numbers.

`phonenumbers` takes 20–30 µs a number. Nearly all numbers are digits, spaces, dots, dashes and
parentheses, belong to one plan, and have at most a literal national prefix. For those this file
decides from the same metadata in 2–3 µs. It answers only where the library's own steps
(`phonenumberutil.parse`, `region_code_for_number`, `is_valid_number`) leave no choice; in every
other case it says None, and the caller asks the library. `tests/property/test_identifiers.py`
compares the two.
"""

import functools
import re
from dataclasses import dataclass

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

_PLAIN = re.compile(r"\(?(\+?)([0-9 .()\-]+)", re.ASCII)
_SEPARATORS = str.maketrans("", "", " .()-")
_MIN_DIGITS, _MAX_TEXT = 5, 40
_TYPES = (
    "premium_rate",
    "toll_free",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
    "fixed_line",
    "mobile",
)


@dataclass(frozen=True, slots=True)
class _Region:
    """What parsing and validity need of one region's metadata."""

    calling_code: str
    general: re.Pattern[str]
    """Any national number of the plan."""
    lengths: frozenset[int]
    valid: dict[int, re.Pattern[str]]
    """Length → the national numbers of some known type."""
    leading: re.Pattern[str] | None
    """Where regions share a calling code: the first digits that belong to this one."""
    prefix: re.Pattern[str] | None
    prefix_rewrites: bool
    """True where the national prefix, if its last group matches, rewrites what follows."""
    exit_code: re.Pattern[str] | None

    def knows(self, national: str) -> bool:
        """Return whether this is a number of some type here."""
        pattern = self.valid.get(len(national))
        return pattern is not None and pattern.fullmatch(national) is not None


def e164(text: str, region: str | None) -> str | None:
    """Return the E.164 form of a plainly written, valid number, or None to say: ask the library.

    `text` has no white space around it; `region` is an upper-case ISO 3166 code, or None where
    only international form is accepted.
    """
    plain = _PLAIN.fullmatch(text) if len(text) <= _MAX_TEXT else None
    if plain is None:
        return None
    digits = plain[2].translate(_SEPARATORS)
    if len(digits) < _MIN_DIGITS:
        return None
    if plain[1]:
        return _international(digits)
    home = _region(region) if region is not None else None
    return None if home is None else _dialled(digits, home)


def _dialled(digits: str, home: _Region) -> str | None:
    """Read digits as somebody in `home` writes them."""
    if home.exit_code is not None and (found := home.exit_code.match(digits)):
        rest = digits[found.end() :]
        # A calling code never starts with 0: there the library takes the digits as national.
        return None if rest[:1] in ("", "0") else _international(rest)
    if digits.startswith(home.calling_code):
        rest = digits[len(home.calling_code) :]
        if home.prefix is not None and home.prefix.match(rest):
            return None
        if not home.general.fullmatch(digits):
            return _international(digits) if home.general.fullmatch(rest) else None
        if len(digits) not in home.lengths:
            return None
    return _checked(home.calling_code, digits, home)


def _international(digits: str) -> str | None:
    """Read digits that start with a calling code."""
    for end in (1, 2, 3):
        found = _plan(digits[:end])
        if found:
            return _checked(digits[:end], digits[end:], found[0])
    return None


def _checked(calling_code: str, digits: str, home: _Region) -> str | None:
    """Strip the national prefix as `home` does, and accept the rest if it is a valid number."""
    national = digits
    if home.prefix is not None and (found := home.prefix.match(digits)):
        national = digits[found.end() :]
        settled = (
            not (home.prefix_rewrites and found.re.groups and found[found.re.groups] is not None)
            and len(national) in home.lengths
            and home.general.fullmatch(national)
        )
        if not settled:
            return None
    plan = _plan(calling_code)
    # Reading the result again, as a number of the main region, must not strip it again.
    again = plan[0].prefix if plan else None
    if national[:1] in ("", "0") or (again is not None and again.match(national)):
        return None
    for region in plan:
        if region.leading is not None:
            if region.leading.match(national):
                return f"+{calling_code}{national}" if region.knows(national) else None
        elif region.knows(national):
            return f"+{calling_code}{national}"
    return None


@functools.cache
def _plan(calling_code: str) -> tuple[_Region, ...]:
    """Return the regions that share a calling code, the main one first; empty if not covered."""
    codes = (
        COUNTRY_CODE_TO_REGION_CODE.get(int(calling_code), ()) if calling_code[:1] != "0" else ()
    )
    regions = [_region(code) for code in codes]
    found = tuple(r for r in regions if r is not None)
    return found if len(found) == len(regions) else ()


@functools.cache
def _region(code: str) -> _Region | None:
    metadata = PhoneMetadata.metadata_for_region(code, None)
    general = None if metadata is None else metadata.general_desc
    if metadata is None or general is None or not general.national_number_pattern:
        return None
    pattern, prefix = (
        general.national_number_pattern,
        _compiled(metadata.national_prefix_for_parsing),
    )
    return _Region(
        calling_code=str(metadata.country_code),
        general=re.compile(pattern),
        lengths=frozenset(general.possible_length),
        valid={n: _valid(metadata, pattern, n) for n in general.possible_length},
        leading=_compiled(metadata.leading_digits),
        prefix=prefix,
        prefix_rewrites=bool(metadata.national_prefix_transform_rule),
        exit_code=_compiled(metadata.international_prefix),
    )


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    return re.compile(pattern) if pattern else None


def _valid(metadata: PhoneMetadata, general: str, length: int) -> re.Pattern[str]:
    """Return the pattern of all numbers of `length` digits that have a type in this region."""
    patterns = []
    for name in _TYPES:
        if name == "mobile" and metadata.same_mobile_and_fixed_line_pattern:
            continue
        desc = getattr(metadata, name)
        if desc is None or not desc.national_number_pattern:
            continue
        if not desc.possible_length or length in desc.possible_length:
            patterns.append(f"(?:{desc.national_number_pattern})")
    if not patterns:
        return re.compile(r"(?!)")
    return re.compile(rf"(?=(?:{general})\Z)(?:{'|'.join(patterns)})")
