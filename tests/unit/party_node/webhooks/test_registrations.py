"""Setting webhooks up: what is refused, what is kept, what is shown once."""

import pytest

from party_node.errors import InvalidSettings, NotFound, SealBroken
from party_node.settings import load
from party_node.vault import Vault
from party_node.webhooks.errors import WebhookExists, WebhookUrlRefused
from party_node.webhooks.events import EventType
from party_node.webhooks.registrations import Definition, secrets_of, types_of
from tests.support.webhooks import ANN, Rig


def test_a_webhook_is_as_it_was_set_up(queue: Rig) -> None:
    secret = queue.add("crm", "", EventType.LEDGER_ALARM, EventType.CONSENT_CHANGED)
    standing = queue.standing()
    row = standing.row
    assert (row.url, row.loopback, row.state) == (queue.receiver.url, True, "active")
    assert types_of(row) == ["consent.changed", "ledger.alarm"]
    assert (standing.waiting, standing.failed, standing.oldest_waiting_ms) == (0, 0, 0)
    assert secret.startswith("whsec_")
    queue.hooks.registrations.change("crm", Definition(queue.receiver.url, loopback=True))
    assert types_of(queue.standing().row) == []
    assert [s.row.webhook for s in queue.hooks.registrations.all()] == ["crm"]


def test_a_name_is_used_once(queue: Rig) -> None:
    queue.add()
    with pytest.raises(WebhookExists):
        queue.add()


def test_what_is_not_there(queue: Rig) -> None:
    registrations = queue.hooks.registrations
    somewhere = Definition(queue.receiver.url, loopback=True)
    for act in (
        lambda: registrations.get("crm"),
        lambda: registrations.change("crm", somewhere),
        lambda: registrations.pause("crm"),
        lambda: registrations.resume("crm"),
        lambda: registrations.rotate("crm", 0),
        lambda: registrations.remove("crm"),
        lambda: queue.hooks.courier.test("crm", 0),
        lambda: queue.hooks.log.retry("crm", 0),
    ):
        with pytest.raises(NotFound):
            act()
    assert queue.hooks.courier.deliver_to("crm", 0) == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:169.254.169.254]/",
        "https://localhost/",
        "https://user:secret@example.com/",
    ],
)
def test_an_address_inside_is_refused_when_it_is_added_or_changed(hooks: Rig, url: str) -> None:
    with pytest.raises(WebhookUrlRefused):
        hooks.hooks.registrations.add("crm", Definition(url), 0)
    assert hooks.hooks.registrations.all() == []
    hooks.add()
    with pytest.raises(WebhookUrlRefused):
        hooks.hooks.registrations.change("crm", Definition(url))
    assert hooks.standing().row.url == hooks.receiver.url


def test_a_sealed_secret_opens_for_its_own_webhook_only(hooks: Rig) -> None:
    hooks.add("one")
    hooks.add("two")
    one, two = (s.row for s in hooks.hooks.registrations.all())
    assert secrets_of(hooks.node.vault, one, 0) != secrets_of(hooks.node.vault, two, 0)
    one.secret = two.secret
    with pytest.raises(SealBroken):
        secrets_of(hooks.node.vault, one, 0)
    with pytest.raises(SealBroken):
        secrets_of(Vault(b"k" * 32), two, 0)


def test_a_second_rotation_ends_the_oldest_secret(hooks: Rig) -> None:
    hooks.add()
    now = hooks.node.clock()
    hooks.hooks.registrations.rotate("crm", now)
    hooks.hooks.registrations.rotate("crm", now)
    assert len(secrets_of(hooks.node.vault, hooks.standing().row, now)) == 2


def test_a_definition_does_not_show_its_url() -> None:
    assert "hush" not in repr(Definition("https://example.com/?token=hush"))


def test_a_url_that_is_no_longer_allowed_is_not_called(hooks: Rig) -> None:
    hooks.add()
    hooks.tell(ANN)
    with hooks.node.db.writing() as session:
        row = hooks.standing().row
        row.url = "ftp://old.example/"
        session.merge(row)
    assert hooks.deliver() == 1
    assert hooks.log() == [("waiting", 1, 0, "address-refused")]
    assert not hooks.hooks.courier.test("crm", 0).delivered


def test_allowed_networks_are_a_setting_that_is_checked(tmp_path) -> None:
    path = tmp_path / "node.json"
    path.write_text('{"party": "brand", "name": "Brand"}')
    variable = "ACCORD_NODE_WEBHOOK_ALLOWED_NETWORKS"
    assert load(path, {}).webhook_allowed_networks == ""
    assert load(path, {variable: "10.0.0.0/8"}).webhook_allowed_networks == "10.0.0.0/8"
    with pytest.raises(InvalidSettings, match="webhook_allowed_networks"):
        load(path, {variable: "10.0.0.1/8"})
