"""What stands in receipts: as policy and notice of then described it, under the entry's id."""

import dataclasses
import json
import re

from consent.ledger import parse_leaf
from tests.support.issuing import PERSON, issued, opened, say
from tests.support.running_node import AUDIENCE, MEASUREMENT, Node

NOTICE = {
    "text": "We look for people whom we both know.", "by": "dana", "notice_id": "joint",
    "version": 1, "language": "de", "purposes": [AUDIENCE], "recipients": ["paper"],
    "withdrawal_method": "the link in every message",
    "rights_url": "https://shop.example/rights", "policy_url": "https://shop.example/privacy",
}  # fmt: skip


def test_the_policy_of_then_describes_it_whatever_was_changed_since(node: Node) -> None:
    given = say(node, "a")
    now = node.http.get("/v1/policy").json()
    renamed = re.sub(r"(?m)^( *title:).*$", r"\1 Another title", now["yaml"])
    answer = node.http.put("/v1/policy", json={"text": renamed, "by": "dana"})
    assert answer.json()["applied"], answer.text
    later = say(node, "b", purpose=MEASUREMENT)
    found = {one.index: one.claims for one in opened(node, issued(node))}
    assert set(found) == {given, later}
    assert found[given].policy_hash.hex() == now["policy_hash"]
    assert found[later].policy_hash.hex() == answer.json()["policy_hash"]
    assert found[given].services[0].service != "Another title"
    assert found[later].services[0].service == "Another title"


def test_a_purpose_that_was_taken_out_since_is_described_as_it_was(node: Node) -> None:
    given = say(node, "a")
    ledger = node.services.ledger
    known = ledger.vocabulary
    left = tuple(
        p for p in known.purposes if AUDIENCE not in (p.purpose_id, *known.ancestors(p.purpose_id))
    )
    without = dataclasses.replace(known, purposes=left)
    title = known.find(AUDIENCE).title
    ledger.change_policy(without, "dana")
    (one,) = opened(node, issued(node))
    assert (one.index, one.claims.services[0].service) == (given, title)


def test_a_receipt_says_what_the_notice_said(node: Node) -> None:
    published = node.http.post("/v1/notices", json=NOTICE)
    assert published.status_code == 201, published.text
    given = say(node, "a", recipient="paper", notice=published.json()["notice_hash"])
    (one,) = opened(node, issued(node))
    said = one.claims
    assert one.index == given
    assert (said.language, said.policyUrl) == ("de", NOTICE["policy_url"])
    assert (said.withdrawalMethod, said.privacyRights) == (
        NOTICE["withdrawal_method"],
        NOTICE["rights_url"],
    )


def test_a_receipt_is_named_as_its_entry_and_holds_the_event_byte_for_byte(node: Node) -> None:
    given = say(node, "a")
    (one,) = opened(node, issued(node))
    entry = node.services.ledger.entry(given)
    leaf = parse_leaf(entry.leaf)
    assert one.claims.consentReceiptID == leaf.entry_id
    assert (one.claims.leaf.encode(), one.claims.salt) == (entry.leaf, entry.salt)
    assert one.event == entry.record
    assert one.claims.schema_version == "accord/consent-receipt/2"
    assert one.claims.issued_at_ms == node.services.clock_ms()
    assert PERSON not in json.dumps(issued(node))
