"""Policies for tests: the documented example, and Hypothesis strategies for whole vocabularies."""

import re
import unicodedata
from pathlib import Path

from hypothesis import strategies as st

from consent.contact_terms import CapTerm, HoursTerm
from consent.preferences import CapBasis, Per
from consent.purpose import BasisIn, Purpose, SignalTerms
from consent.recipients import Recipient, Source
from consent.regimes import DEFAULT_REGIMES, Regime
from consent.vocabulary import Vocabulary
from consent.words import Basis, Operation, Role

PAGE = Path(__file__).parents[2] / "docs" / "operate" / "policy.md"


def example() -> str:
    """Return the complete example of the documentation."""
    return re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]


ids = st.from_regex(r"[a-z0-9][a-z0-9-]{0,12}", fullmatch=True)
names = st.from_regex(r"[a-z0-9][a-z0-9._:/-]{0,12}", fullmatch=True)
# Whatever YAML could take for something else: signs, words, numbers, other alphabets, breaks.
texts = (
    st.text(
        st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")),
        min_size=1,
        max_size=40,
    )
    | st.sampled_from(
        [
            "no",
            "NO",
            "~",
            "null",
            "1.0",
            "08",
            "0x1f",
            "22:00",
            "- a",
            "a: b",
            "# c",
            "&a",
            "*a",
            "!t",
            "[",
            "{}",
            "'",
            '"',
            "\\",
            " lead",
            "trail ",
            "\ufeffa",
            "=",
            "<<",
            "%",
            "@",
            "`",
            "é",
            "中文",
            "a  b",
            "?",
            "|",
            ">",
            "---",
            "...",
        ]
    )
).map(lambda text: unicodedata.normalize("NFC", text))
places = st.sampled_from(["DE", "CH", "NO", "US", "US-CA", "CN", "CN-31", "GB"])
anywhere = places | st.just("*")
durations = st.sampled_from(["P13M", "P1Y6M", "P2W", "PT12H", "P1DT1H", "P9999Y"])


def several(of, most: int = 3):
    """Return a strategy of tuples of distinct values in rising order."""
    return st.sets(of, max_size=most).map(lambda found: tuple(sorted(found)))


signals = st.builds(
    SignalTerms,
    gpc=st.booleans(),
    gpp=several(st.sampled_from(["SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut"])),
    tcf=several(st.integers(1, 24)),
    tcf_vendor=st.none() | st.integers(1, 65_535),
)
bases = st.dictionaries(anywhere, st.sampled_from(list(Basis)), max_size=3).map(
    lambda found: tuple(BasisIn(place=p, basis=found[p]) for p in sorted(found))
)


@st.composite
def purposes(draw: st.DrawFn) -> tuple[Purpose, ...]:
    """Return purposes of which each may lie under earlier ones."""
    found: list[Purpose] = []
    for name in draw(st.lists(ids, unique=True, max_size=4)):
        version = draw(st.integers(1, 3))
        above = [p.purpose_id for p in found]
        found.append(
            Purpose(
                purpose_id=name,
                title=draw(texts),
                operations=draw(several(st.sampled_from(list(Operation)))),
                version=version,
                renew_below=draw(st.integers(1, version)),
                parents=draw(several(st.sampled_from(above))) if above else (),
                dpv_iris=draw(
                    several(
                        st.sampled_from(
                            [
                                "https://w3id.org/dpv#Marketing",
                                "https://w3id.org/dpv/legal/eu/gdpr#A6-1-a",
                                "https://w3id.org/dpv#not a term",
                                "urn:x",
                            ]
                        )
                    )
                ),
                data_uses=draw(several(names)),
                pii_types=draw(several(names)),
                sensitive=draw(several(names)),
                primary=draw(st.booleans()),
                legal_basis=draw(bases),
                requires_separate_consent=draw(several(anywhere)),
                validity=draw(st.none() | durations),
                retention=draw(st.none() | durations),
                storage=draw(several(places)),
                contact_group=draw(st.none() | names),
                transactional=draw(st.booleans()),
                signals=draw(signals),
            )
        )
    return tuple(draw(st.permutations(found)))


recipients = st.builds(
    Recipient,
    recipient_id=ids.filter(lambda name: name != "self"),
    name=texts,
    role=st.sampled_from(list(Role)),
    version=st.integers(1, 9),
    country=st.none() | places,
    contact=st.none() | texts,
    address=st.none() | texts,
    contract=st.none() | texts,
)
sources = st.builds(
    Source,
    source_id=names,
    trust=st.integers(0, 9),
    backdate_days=st.none() | st.integers(0, 100),
    child_directed=st.booleans(),
    first_hand=st.booleans(),
)
_terms = {
    "basis": st.sampled_from(list(Basis)),
    "guardian_below": st.integers(0, 18),
    "answer_days": st.integers(1, 365),
    "extension_days": st.integers(0, 365),
}


@st.composite
def regimes(draw: st.DrawFn) -> tuple[Regime, ...]:
    """Return Accord's own, changed a little, or quite other ones."""
    if draw(st.booleans()):
        found = list(DEFAULT_REGIMES)
        at = draw(st.integers(0, len(found) - 1))
        whose = found[at]
        found[at] = draw(
            st.builds(Regime, regime_id=st.just(whose.regime_id), places=st.just(whose.places),
                      **_terms)
        )  # fmt: skip
        if draw(st.booleans()):  # one place of the EEA has a law of its own
            (gdpr,) = (n for n, r in enumerate(found) if r.regime_id == "gdpr")
            place = draw(st.sampled_from(found[gdpr].places))
            kept = tuple(p for p in found[gdpr].places if p != place)
            values = {f: getattr(found[gdpr], f) for f in _terms}
            found[gdpr] = Regime(regime_id="gdpr", places=kept, **values)
            found.append(
                draw(st.builds(Regime, regime_id=st.just("own"), places=st.just((place,)),
                               **_terms))
            )  # fmt: skip
        return tuple(found)
    left = draw(st.permutations(["CH", "DE", "NO", "US-CA"]))
    cut = draw(st.integers(0, 4))
    parts = [("*",), tuple(sorted(left[:cut])), tuple(sorted(left[cut:]))]
    return tuple(
        draw(st.builds(Regime, regime_id=st.just(f"r{n}"), places=st.just(places_), **_terms))
        for n, places_ in enumerate(parts)
        if places_
    )


hours = st.builds(
    HoursTerm,
    channel=ids,
    place=anywhere,
    days=several(st.integers(1, 7), 7),
    start_minute=st.integers(0, 1439),
    end_minute=st.integers(0, 1439),
)


@st.composite
def caps(draw: st.DrawFn, groups: list[str]) -> CapTerm:
    return CapTerm(
        limit=draw(st.integers(1, 10_000)),
        per=draw(st.sampled_from(list(Per))),
        basis=draw(st.sampled_from(list(CapBasis))),
        channel=draw(ids | st.just("*")),
        group=draw(st.sampled_from(["*", *groups])),
    )


@st.composite
def vocabularies(draw: st.DrawFn) -> Vocabulary:
    """Return any vocabulary that a policy file can say, without notices."""
    own = draw(purposes())
    groups = sorted({p.contact_group for p in own if p.contact_group})
    return Vocabulary(
        purposes=own,
        recipients=tuple(
            draw(st.lists(recipients, max_size=3, unique_by=lambda r: r.recipient_id))
        ),
        sources=tuple(draw(st.lists(sources, max_size=3, unique_by=lambda s: s.source_id))),
        regimes=draw(regimes()),
        hours=tuple(draw(st.lists(hours, max_size=2))),
        caps=tuple(draw(st.lists(caps(groups), max_size=2))),
        notices_to_renew=draw(st.frozensets(st.binary(min_size=32, max_size=32), max_size=2)),
        controller_place=draw(st.just("") | places),
        controller_zone=draw(st.sampled_from(["", "Europe/Zurich", "Asia/Kathmandu"])),
    )
