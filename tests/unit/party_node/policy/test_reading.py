"""A policy file is read strictly; every fault is named with its line, its place and a way out."""

import dataclasses

import pytest

from consent.defaults import DEFAULT_VOCABULARY
from consent.fields import Payload
from consent.purpose import BasisIn
from consent.regimes import DEFAULT_REGIMES
from consent.vocabulary import Vocabulary
from consent.words import Basis, Operation
from party_node.capture.strict_yaml import MAX_TEXT
from party_node.policy import keys, reading
from party_node.policy.errors import InvalidPolicy
from party_node.policy.places import COUNTRIES, fault_of
from party_node.policy.reading import read_policy
from party_node.policy.writing import write_policy
from tests.support.consents import TREE
from tests.support.policies import example


def refused(text: str) -> str:
    with pytest.raises(InvalidPolicy) as e:
        read_policy(text)
    return str(e.value)


def of(purpose: str) -> str:
    return f"purposes:\n  a:\n    title: A\n    {purpose}\n"


def test_the_documented_example_says_what_the_page_says():
    found = read_policy(example())
    joint = found.find("joint-audience")
    assert joint.parents == ("marketing",)
    assert joint.legal_basis == (
        BasisIn(place="CN", basis=Basis.EXPLICIT_CONSENT),
        BasisIn(place="US-CA", basis=Basis.OPT_OUT),
    )
    assert joint.operations == (Operation.ACTIVATE, Operation.PSI)
    assert joint.dpv_iris == ("https://w3id.org/dpv#TargetedAdvertising",)
    assert joint.signals.tcf == (1, 3, 4)
    assert found.find("marketing").operations == ()
    assert found.is_processor("printer")
    assert not found.source("crm").first_hand
    assert found.source("kids-app").child_directed
    assert found.regime("ES").guardian_below == 14
    assert found.regime("FR").guardian_below == 15
    assert found.regime("US-CA").regime_id == "ccpa"
    assert [(h.place, h.days, h.start_minute) for h in found.hours] == [
        ("US", (1, 2, 3, 4, 5, 6, 7), 480),
        ("DE", (1, 2, 3, 4, 5), 540),
    ]
    assert [(c.limit, c.group, c.channel) for c in found.caps] == [
        (3, "offers", "*"),
        (1, "*", "sms"),
    ]
    assert (found.controller_place, found.controller_zone) == ("CH", "Europe/Zurich")


@pytest.mark.parametrize("vocabulary", [DEFAULT_VOCABULARY, TREE], ids=["accords-own", "tree"])
def test_known_vocabularies_can_be_written_and_read(vocabulary):
    assert read_policy(write_policy(vocabulary)) == vocabulary


def test_what_accord_comes_with_needs_no_word_about_regimes():
    assert "regimes" not in write_policy(DEFAULT_VOCABULARY)
    assert read_policy("purposes: {}").regimes == DEFAULT_REGIMES


def test_norway_is_a_country_and_a_time_is_no_number():
    text = of("storage: [NO, DE]") + "hours: [{channel: sms, place: NO, from: 08:00, to: 21:30}]"
    found = read_policy(text)
    assert found.find("a").storage == ("DE", "NO")
    assert (found.hours[0].start_minute, found.hours[0].end_minute) == (480, 1290)
    assert "NO" in write_policy(found)


def test_letters_are_brought_into_one_form():
    decomposed = "Ku\u0308che"
    found = read_policy(f"purposes: {{a: {{title: {decomposed}}}}}")
    assert found.find("a").title == "K\xfcche"


def test_a_place_given_to_one_regime_leaves_accords_own():
    found = read_policy("purposes: {}\nregimes: {es: {places: [ES], guardian_below: 14}}")
    assert found.regime("ES").regime_id == "es"
    assert found.regime("PT") == next(r for r in found.regimes if r.regime_id == "gdpr")
    assert "ES" not in found.regime("PT").places
    assert "gdpr" not in write_policy(found)


def test_a_regime_of_accords_own_keeps_what_the_file_does_not_say():
    found = read_policy("purposes: {}\nregimes: {gdpr: {guardian_below: 13}}").regime("DE")
    assert (found.guardian_below, found.extension_days) == (13, 60)
    assert found.places == next(r for r in DEFAULT_REGIMES if r.regime_id == "gdpr").places


def test_without_the_defaults_only_the_files_regimes_are_there():
    text = 'purposes: {}\ndefault_regimes: false\nregimes: {all: {places: ["*"]}}'
    found = read_policy(text)
    assert [r.regime_id for r in found.regimes] == ["all"]
    assert read_policy(write_policy(found)) == found


def test_notices_stay_and_are_told_in_comments(tmp_path):
    from consent.notice import Notice

    notice = Notice(
        notice_hash=b"\x0a" * 32, notice_id="n", version=2, language="de", purposes=("a",)
    )
    found = read_policy("purposes: {a: {title: A}}", [notice])
    assert found.notices == (notice,)
    text = write_policy(found)
    assert f"#   {'0a' * 32}  n version 2 (de)" in text
    assert read_policy(text, [notice]) == found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the text is empty"),
        ("[]", "line 1: write key: value here"),
        ("purposes: [", "not YAML"),
        ("colour: red", "line 1: colour: there is no such key: keys are controller, purposes"),
        ("controller: {}", "purposes: this is missing"),
        ("purposes: {}\npurposes: {}", "line 2: the same key stands on line 1 already"),
        ("purposes: {a: {title: A}, a: {title: B}}", "the same key stands on line 1"),
        ("purposes: {a: x}", "line 1: purposes.a: write key: value here"),
        ("purposes: {A: {title: A}}", "purposes: a purpose has a name of 1 to 63"),
        ("purposes: {a_b: {title: A}}", "purposes: a purpose has a name of 1 to 63"),
        ("purposes: {a: {}}", "purposes.a.title: this is missing: write it"),
        (of("titel: A"), "line 4: purposes.a.titel: there is no such key"),
        (of("operations: psi"), "purposes.a.operations: write a list"),
        (of("operations: [psi, read]"), "purposes.a.operations[1]: write one of psi, dp.stat"),
        (of("operations: [psi, psi]"), "purposes.a.operations[1]: this stands in the list already"),
        (of("under: [b]"), "line 2: purposes.a.under: there is no purpose b: add it"),
        (of("under: [a]"), "purposes.a.under: the purposes go round in a circle: a under a"),
        (of("version: one"), "purposes.a.version: write a whole number from 1 to 1,000,000"),
        (of("version: 1.0"), "purposes.a.version: write a whole number"),
        (of("version: 0"), "purposes.a.version: write a whole number"),
        (of("version: 007"), "purposes.a.version: write a whole number"),
        (of("renew_below: 2"), "purposes.a.renew_below: no consent could ever hold"),
        (of("validity: 13 months"), "purposes.a.validity: write a duration as P13M"),
        (of("validity: P1M1Y"), "purposes.a.validity: write a duration"),
        (of("validity: P1W1D"), "purposes.a.validity: write a duration"),
        (of("validity: PT5M"), "purposes.a.validity: write a duration"),
        (of("validity: P0D"), "purposes.a.validity: write a duration"),
        (of("legal_basis: consent"), "purposes.a.legal_basis: write place: basis"),
        (
            of("legal_basis: {DE: maybe}"),
            "purposes.a.legal_basis.DE: write one of opt-out, consent",
        ),
        (of("legal_basis: {Germany: consent}"), "write a place as an ISO 3166 code in capitals"),
        (of("separate_consent: [cn]"), "purposes.a.separate_consent[0]: write a place as"),
        (
            of("separate_consent: [QQ]"),
            "purposes.a.separate_consent[0]: ISO 3166 has no country QQ",
        ),
        (of("storage: ['*']"), "purposes.a.storage[0]: write a place as"),
        (of("storage: [UK]"), "the code of the United Kingdom is GB"),
        (of("storage: [EU]"), "the European Union is no country"),
        (of("dpv: [marketing]"), "purposes.a.dpv[0]: write a term of DPV, as Marketing"),
        (of("primary: yes"), "purposes.a.primary: write true or false"),
        (of("data: [E Mail]"), "purposes.a.data[0]: a name has 1 to 128"),
        (
            of("signals: {tcf: [25]}"),
            "purposes.a.signals.tcf[0]: write a whole number from 1 to 24",
        ),
        (
            of("signals: {gpp: [SaleOptout]}"),
            "purposes.a.signals: no US section of GPP has a choice",
        ),
        (of("signals: true"), "purposes.a.signals: write key: value here"),
        (of("title: B"), "the same key stands"),
        ("purposes: {a: {title: }}", "purposes.a.title: write 1 to 512 characters"),
        ('purposes: {a: {title: "a\\nb"}}', "purposes.a.title: write 1 to 512 characters"),
        ('purposes: {a: {title: "a\\ud800b"}}', "purposes.a.title: this is no text"),
        ("purposes: {}\nrecipients: {self: {name: A}}", "self is this party itself"),
        ("purposes: {}\nrecipients: {a: {role: boss, name: A}}", "recipients.a.role: write one of"),
        ("purposes: {}\nsources: {a: {trust: 10}}", "sources.a.trust: write a whole number from 0"),
        ("purposes: {}\nsources: {a: {first_hand: no}}", "sources.a.first_hand: write true or"),
        ("purposes: {}\nregimes: {es: {basis: consent}}", "regimes.es.places: name the places"),
        ("purposes: {}\nregimes: {gdpr: {places: []}}", "regimes.gdpr.places: name the places"),
        (
            "purposes: {}\nregimes: {a: {places: [DE]}, b: {places: [FR, DE]}}",
            "regimes.b.places: DE is a place of a too",
        ),
        (
            "purposes: {}\nregimes: {pipl: {answer_days: 9}, cn: {places: [CN]}}",
            "regimes.pipl.places: other regimes have all its places",
        ),
        ("purposes: {}\ndefault_regimes: false", "regimes: one regime must be for every place"),
        ("purposes: {}\ndefault_regimes: 0", "default_regimes: write true or false"),
        ("purposes: {}\ncontroller: {place: Zurich}", "controller.place: write a place as"),
        ("purposes: {}\ncontroller: {zone: CET+1}", "controller.zone: there is no such time zone"),
        ("purposes: {}\nhours: {channel: sms}", "hours: write a list"),
        ("purposes: {}\nhours: [{channel: sms}]", "hours[0].place: this is missing"),
        (
            'purposes: {}\nhours: [{channel: "*", place: DE, from: 8:00, to: 24:00}]',
            "hours[0].from: write a time of day as 08:00",
        ),
        (
            "purposes: {}\nhours: [{channel: a, place: DE, from: 08:00, to: 09:00, days: [x]}]",
            "hours[0].days[0]: write a day as mon, tue",
        ),
        ("purposes: {}\ncaps: [{limit: 1, per: year}]", "caps[0].per: write one of hour, day"),
        (
            "purposes: {}\ncaps: [{limit: 1, per: day, group: x}]",
            "caps[0].group: no purpose has this contact_group",
        ),
        ("purposes: {}\nnotices_to_renew: [abc]", "notices_to_renew[0]: write the hash"),
        ("purposes: &p {}\nsources: *p", "line 1: anchors and aliases are not allowed"),
        ("purposes: !!python/object:os.system {}", "tags are not allowed"),
        ("purposes: {}\n---\npurposes: {}", "not YAML"),
    ],
)
def test_a_fault_is_named_with_its_place_and_what_to_do(text, told):
    assert told in refused(text)


def test_all_faults_are_named_at_once_by_line():
    told = refused(
        "purposes:\n"
        "  a: {title: A, version: x}\n"
        "  b: {title: B, operations: [no, nein]}\n"
        "sources: {s: {trust: much}}\n"
    )
    assert [part.split(":")[0] for part in told.split("; ")] == [
        "line 2",
        "line 3",
        "line 3",
        "line 4",
    ]


def test_many_faults_are_cut_short():
    text = "purposes:\n" + "".join(f"  p{n}: {{title: T, version: x}}\n" for n in range(30))
    assert refused(text).endswith("; and 10 more")


def test_circles_are_told_once_and_along_the_way():
    text = (
        "purposes: {c: {title: C, under: [a]}, a: {title: A, under: [b]},"
        " b: {title: B, under: [c]}, d: {title: D, under: [a]}}"
    )
    assert refused(text).count("circle") == 1
    assert "a under b under c under a" in refused(text)


@pytest.mark.parametrize(
    "text",
    [
        "purposes: {}\nann@example.com: 1",
        "purposes: {ann@example.com: {title: A}}",
        "purposes: {a: {title: A, operations: [ann@example.com]}}",
        "purposes: {a: {title: A, under: ['ann@example.com']}}",
        "purposes: {a: {title: A, legal_basis: {ann@example.com: consent}}}",
        "purposes: {}\nregimes: {a: {places: [ann@example.com]}}",
    ],
)
def test_a_fault_repeats_no_value_that_could_be_a_persons(text):
    assert "ann@" not in refused(text)


def test_a_policy_that_could_not_be_read_again_is_refused(monkeypatch):
    monkeypatch.setattr(reading, "MAX_BYTES", 3_000)
    with pytest.raises(InvalidPolicy, match="more than 3,000 bytes"):
        read_policy(example())


def test_a_bomb_of_nesting_or_length_is_refused_quickly():
    assert "nested too deeply" in refused("purposes: " + "[" * 100_000)
    assert f"longer than {MAX_TEXT:,}" in refused("purposes: {}\n#" + "x" * MAX_TEXT)


def covered(record: type[Payload], table: keys.Keys, named: str) -> None:
    fields = {f.name for f in dataclasses.fields(record)}
    assert {k.field for k in table} | ({named} if named else set()) == fields
    assert len({k.key for k in table}) == len(table)


def test_every_field_of_a_vocabulary_has_a_key():
    for section in keys.SECTIONS:
        covered(section.record, section.keys, section.id_field)
    for record, table in keys.LISTS.values():
        covered(record, table, "")
    covered(type(DEFAULT_VOCABULARY.purposes[0].signals), keys.SIGNALS, "")
    said = {*keys.PARTS, *keys.LISTS, "notices_to_renew", "notices"}
    said |= {k.field for k in keys.CONTROLLER}
    assert said == {f.name for f in dataclasses.fields(Vocabulary) if f.init}
    assert set(keys.TOP) == {*keys.PARTS, *keys.LISTS, "controller", "default_regimes",
                             "notices_to_renew"}  # fmt: skip


def test_places_are_those_of_iso_3166():
    assert len(COUNTRIES) == 250  # and Kosovo
    assert {fault_of(r) for regime in DEFAULT_REGIMES for r in regime.places if r != "*"} == {""}
    for wrong in ("de", "DEU", "D", "", "US_CA", "US-", "US-CALI", "*", "UK", "EL", "EU", "AC"):
        assert fault_of(wrong), wrong
