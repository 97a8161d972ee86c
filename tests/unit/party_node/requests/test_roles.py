"""People in roles: tokens that are shown once, compared in constant time, and can be revoked."""

import hmac
import logging

import pytest
from structlog.testing import capture_logs

from consent.milestones import OperatorAction
from party_node.errors import IllegalState, NotFound, SealBroken
from party_node.roles.callers import ADMINISTRATOR
from party_node.roles.errors import RoleTaken, TwoRolesNeeded
from party_node.roles.roles import GRANTED
from party_node.roles.sealing import joined, open_half, seal_half
from party_node.roles.tokens import RoleToken, StaffRole
from protocols.codec import encode
from tests.support.desk import open_desk
from tests.support.node import SeededRng

OPERATOR, COMPLIANCE = StaffRole.OPERATOR, StaffRole.COMPLIANCE


def test_a_token_is_known_again_and_after_a_restart(desk):
    text = desk.roles.add("dpo", COMPLIANCE, ADMINISTRATOR)
    for roles in (desk.roles, open_desk(desk.node).roles):
        caller = roles.caller(text)
        assert (caller.name, caller.role, caller.words) == ("dpo", COMPLIANCE, "compliance:dpo")
    assert [(r.name, r.role, r.added_by) for r in desk.roles.listed()] == [
        ("dpo", "compliance", "administrator")
    ]


def test_no_token_and_nothing_that_opens_is_stored(desk, caplog):
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        token = RoleToken.read(desk.roles.add("dpo", COMPLIANCE, ADMINISTRATOR))
    (row,) = desk.roles.listed()
    keys = token.keys("dpo")
    secrets = [
        token.secret, token.secret.hex().encode(), keys.signing_seed, keys.mlkem_seed,
        keys.x25519_seed,
    ]  # fmt: skip
    stored = row.digest + row.public + repr(row).encode()
    entries = b"".join(repr(e.record).encode() for e in desk.ledger.entries())
    if desk.node.db.dialect == "sqlite":
        desk.node.db.scrub()
        stored += b"".join(p.read_bytes() for p in desk.node.home.path.rglob("*") if p.is_file())
    for secret in secrets:
        assert secret not in stored
        assert secret not in entries
    assert token.secret.hex() not in str(logs) + caplog.text
    assert token.secret.hex() not in repr(token) + repr(desk.roles.caller(token.text))


def test_what_is_no_token_or_was_revoked_is_nobodys(desk):
    text = desk.roles.add("dpo", COMPLIANCE, ADMINISTRATOR)
    secret = text.rsplit("_", 1)[1]
    for wrong in (
        "", "x", text + "0", text[:-1], text.upper(), f" {text}", f"accord_operator_{secret}",
        f"accord_administrator_{secret}", f"accord_compliance_{'0' * 64}", text + "\n", "é" * 64,
    ):  # fmt: skip
        assert desk.roles.caller(wrong) is None
    desk.roles.revoke("dpo", ADMINISTRATOR)
    assert desk.roles.caller(text) is None
    assert open_desk(desk.node).roles.caller(text) is None
    with pytest.raises(NotFound):
        desk.roles.revoke("dpo", ADMINISTRATOR)


def test_every_known_token_is_compared_whichever_fits(desk, monkeypatch):
    texts = [desk.roles.add(f"one-{n}", OPERATOR, ADMINISTRATOR) for n in range(3)]
    compared = []
    compare = hmac.compare_digest

    def counting(one, other):
        compared.append(other)
        return compare(one, other)

    monkeypatch.setattr("party_node.roles.roles.hmac.compare_digest", counting)
    for text in (texts[0], texts[2], "nonsense"):
        compared.clear()
        desk.roles.caller(text)
        assert len(compared) == 3


def test_a_name_has_one_role_and_only_two_roles_are_given(desk):
    desk.roles.add("ann", OPERATOR, ADMINISTRATOR)
    with pytest.raises(RoleTaken):
        desk.roles.add("ann", COMPLIANCE, ADMINISTRATOR)
    with pytest.raises(IllegalState):
        desk.roles.add("root", StaffRole.ADMINISTRATOR, ADMINISTRATOR)
    assert GRANTED == (OPERATOR, COMPLIANCE)
    desk.roles.revoke("ann", ADMINISTRATOR)
    assert desk.roles.caller(desk.roles.add("ann", COMPLIANCE, ADMINISTRATOR)).role is COMPLIANCE


def test_two_roles_are_two_people_in_the_right_places(desk):
    operator, other = desk.staff("op", OPERATOR), desk.staff("op-2", OPERATOR)
    officer = desk.staff("dpo", COMPLIANCE)
    assert desk.roles.two(operator.token.text, officer.token.text) == (operator, officer)
    for first, second in (
        (officer, operator), (operator, operator), (operator, other), (officer, officer),
    ):  # fmt: skip
        with pytest.raises(TwoRolesNeeded):
            desk.roles.two(first.token.text, second.token.text)
    with pytest.raises(TwoRolesNeeded):
        desk.roles.two(operator.token.text, "accord_compliance_" + "0" * 64)


def test_changes_of_roles_are_in_the_ledger(desk):
    desk.roles.add("dpo", COMPLIANCE, ADMINISTRATOR)
    desk.roles.revoke("dpo", ADMINISTRATOR)
    said = [e.record for e in desk.ledger.entries() if isinstance(e.record, OperatorAction)]
    assert [(a.action, a.by, a.detail) for a in said] == [
        ("role-added", "administrator", "compliance:dpo"),
        ("role-revoked", "administrator", "compliance:dpo"),
    ]


def test_half_a_key_opens_with_its_token_at_its_place_only():
    token, other = (RoleToken.draw(OPERATOR, SeededRng(n)) for n in ("one", "two"))
    sealed = seal_half(encode(token.keys("ann").public()), "here", b"h" * 32)
    assert open_half(token.keys("ann"), "here", sealed) == b"h" * 32
    for keys, place, data in (
        (other.keys("ann"), "here", sealed),
        (token.keys("ann"), "there", sealed),
        (token.keys("ann"), "here", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (token.keys("ann"), "here", b""),
        (RoleToken(COMPLIANCE, token.secret).keys("ann"), "here", sealed),
    ):
        with pytest.raises(SealBroken):
            open_half(keys, place, data)


def test_both_halves_and_the_place_make_the_key():
    key = joined(b"a" * 32, b"b" * 32, "here")
    assert len({
        key, joined(b"b" * 32, b"a" * 32, "here"), joined(b"a" * 32, b"b" * 32, "there"),
        joined(b"a" * 32, b"c" * 32, "here"),
    }) == 4  # fmt: skip
