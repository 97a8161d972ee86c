"""What a signal says, field by field, as a JSON object for people: nothing is concluded from it.

Sets of vendors are written as runs (`1-4, 100`), so that the answer is no longer than its text.
"""

from consent import instants
from consent.canonical import Json
from consent.signal_records import SignalKind
from consent.signals.gpp import SECTION_NAMES, Gpp, OpaqueSection, Section, parse_gpp
from consent.signals.ids import Ids
from consent.signals.meaning import GPC_SET
from consent.signals.publisher import RestrictionType
from consent.signals.tc_string import TcString
from consent.signals.tcf import parse_tc_string
from consent.signals.us_section import UsSection

_RESTRICTIONS = {
    RestrictionType.NOT_ALLOWED: "not-allowed",
    RestrictionType.REQUIRE_CONSENT: "require-consent",
    RestrictionType.REQUIRE_LEGITIMATE_INTEREST: "require-legitimate-interest",
    RestrictionType.UNDEFINED: "undefined",
}


def kind_of_text(text: str) -> SignalKind:
    """Return which signal a text could be: GPP begins with a D, GPC is a 1, all else is TCF."""
    if text == GPC_SET:
        return SignalKind.GPC
    return SignalKind.GPP if text.startswith("D") else SignalKind.TCF


def describe(text: str) -> dict[str, Json]:
    """Return what a text says.

    Raises: MalformedSignal if it is no signal.
    """
    match kind_of_text(text):
        case SignalKind.GPC:
            return {"signal": "gpc", "set": True}
        case SignalKind.GPP:
            return _gpp(parse_gpp(text))
        case SignalKind.TCF:
            return _tcf(parse_tc_string(text))


def _tcf(tc: TcString) -> dict[str, Json]:
    said: dict[str, Json] = {
        "signal": "tcf",
        "valid": tc.is_valid,
        "issues": [issue.value for issue in tc.issues],
        "created": instants.to_text(tc.created_ms),
        "last_updated": instants.to_text(tc.last_updated_ms),
        "cmp_id": tc.cmp_id,
        "cmp_version": tc.cmp_version,
        "consent_screen": tc.consent_screen,
        "consent_language": tc.consent_language,
        "vendor_list_version": tc.vendor_list_version,
        "policy_version": tc.policy_version,
        "is_service_specific": tc.is_service_specific,
        "use_non_standard_texts": tc.use_non_standard_texts,
        "purpose_one_treatment": tc.purpose_one_treatment,
        "publisher_country": tc.publisher_country,
        "special_feature_opt_ins": _runs(tc.special_feature_opt_ins),
        "purposes_consent": _runs(tc.purposes_consent),
        "purposes_legitimate_interest": _runs(tc.purposes_legitimate_interest),
        "vendor_consents": _runs(tc.vendor_consents),
        "vendor_legitimate_interests": _runs(tc.vendor_legitimate_interests),
        "restrictions": [
            {"purpose": r.purpose, "type": _RESTRICTIONS[r.type], "vendors": _runs(r.vendors)}
            for r in tc.restrictions
        ],
    }
    if tc.disclosed_vendors is not None:
        said["disclosed_vendors"] = _runs(tc.disclosed_vendors)
    if tc.publisher is not None:
        said["publisher_purposes_consent"] = _runs(tc.publisher.purposes_consent)
        said["publisher_purposes_legitimate_interest"] = _runs(
            tc.publisher.purposes_legitimate_interest
        )
        said["publisher_custom_purposes_consent"] = _runs(tc.publisher.custom_purposes_consent)
    return said


def _gpp(gpp: Gpp) -> dict[str, Json]:
    return {"signal": "gpp", "sections": [_section(i, section) for i, section in gpp.sections]}


def _section(section_id: int, section: Section) -> dict[str, Json]:
    known = section_id <= len(SECTION_NAMES)
    head: dict[str, Json] = {
        "id": section_id,
        "name": SECTION_NAMES[section_id - 1] if known else "unknown",
    }
    match section:
        case TcString():
            return head | _tcf(section)
        case UsSection():
            return head | _us(section)
        case OpaqueSection():
            return head | {"not_read": section.raw}


def _us(section: UsSection) -> dict[str, Json]:
    said: dict[str, Json] = {"version": section.layout.version}
    for field, values in section.items():
        said[field.name] = values[0] if field.count == 1 else list(values)
    if section.gpc is not None:
        said["Gpc"] = section.gpc
    said["undefined"] = list(section.undefined_fields())
    return said


def _runs(ids: Ids) -> str:
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ids.runs)
