"""What other systems hear of new entries: in the same transaction, in order, with no identifier."""

import json

import pytest
from sqlmodel import select

from consent.preferences import ChannelChoice, Pause, TopicChoice
from consent.words import EventState
from party_node.aftermath.exposures import Exposures
from party_node.aftermath.telling import Telling
from party_node.merging import Merging
from party_node.webhooks.outbox import Outbox
from party_node.webhooks.tables import WebhookEventRow, WebhookRow
from tests.support.records import preference
from tests.unit.party_node.aftermath.conftest import HOUR, PEOPLE


@pytest.fixture
def woken():
    return []


@pytest.fixture
def outbox(rig, woken):
    made = Outbox(rig.node.vault, rig.node.rng, lambda: woken.append(True))
    rig.ledger.on_appended.append(Telling(made))
    return made


@pytest.fixture
def told(rig, outbox):
    """Return what is told, in order; one webhook wants everything."""
    with rig.node.db.writing() as session:
        session.add(
            WebhookRow(
                webhook="crm", url=b"sealed", events="", loopback=False, secret=b"sealed",
                created_ms=0, state="active",
            )
        )  # fmt: skip

    def read():
        with rig.node.db.reading() as session:
            rows = session.exec(select(WebhookEventRow).order_by(WebhookEventRow.seq)).all()
            return [(r.type, json.loads(outbox.open_body(r))["data"]) for r in rows]

    return read


def choice(subject, index, chosen, **said):
    return {"subject": subject, "index": index, "kind": chosen.KIND, **said}


def test_each_kind_of_entry_is_told_with_what_it_says(rig, told, woken):
    ann, ben = (rig.node.person(PEOPLE[i]) for i in range(2))
    given = rig.say(0)
    choices = [
        ChannelChoice(channel="sms", allowed=False),
        TopicChoice(topic="sport", allowed=True),
        Pause(until_ms=rig.node.clock.now_ms + HOUR),
    ]
    chosen = [
        preference(c, rig.node.clock.now_ms, subject_id=ann, source_event_id=f"c{n}")
        for n, c in enumerate(choices)
    ]
    first, second, third = rig.ledger.append(chosen)
    rig.say(1)
    kept, absorbed = (rig.node.identity.find("email", PEOPLE[i]) for i in range(2))
    Merging(rig.ledger, rig.node.identity, rig.node.datasets).merge(kept, absorbed, "g", "op")
    seen = [(kind, {k: v for k, v in data.items() if k != "event_time"}) for kind, data in told()]
    consent = {"purpose": "joint-audience", "recipient": "shop", "channel": "*", "state": "given"}
    assert seen == [
        ("consent.changed", {"subject": ann, "index": given, **consent}),
        ("preference.changed", choice(ann, first, choices[0], channel="sms", state="off")),
        ("preference.changed", choice(ann, second, choices[1], topic="sport", state="on")),
        ("preference.changed", choice(ann, third, choices[2], channel="*")),
        ("consent.changed", {"subject": ben, "index": third + 1, **consent}),
        ("subject.merged", {"subject": ann, "merged": ben, "index": third + 2}),
    ]
    assert len(woken) == 4, "once for each transaction"


def test_an_exposure_is_told(rig, told):
    rig.say(0)
    rig.use()
    rig.node.clock.advance(HOUR)
    withdrawal = rig.say(0, EventState.WITHDRAWN, ago_ms=2 * HOUR)
    Exposures(rig.ledger, rig.node.identity, rig.gate.decisions).report()
    kind, data = told()[-1]
    assert kind == "exposure.reported"
    assert (data["withdrawal"], data["uses"]) == (withdrawal, 1)


def test_what_the_gate_writes_is_told_to_nobody(rig, told):
    before = told()
    rig.use()
    assert told() == before


def test_nothing_is_told_of_what_was_not_committed(rig, told, woken):
    def fail(_session, _indices):
        raise RuntimeError("the caller thought again")

    with pytest.raises(RuntimeError, match="thought again"):
        rig.ledger.append([rig.node.event(PEOPLE[0], "x")], also=fail)
    assert told() == []
    assert woken == []


def test_an_event_that_came_twice_is_told_once(rig, told):
    event = rig.node.event(PEOPLE[0], "x")
    rig.ledger.append([event])
    rig.ledger.append([event])
    assert len(told()) == 1


def test_no_identifier_is_in_what_is_told(rig, told):
    rig.say(0)
    assert PEOPLE[0] not in json.dumps(told())
