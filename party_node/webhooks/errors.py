"""What the webhooks refuse. As in `party_node.errors`: first sentence, stable code, what to do."""

from party_node.errors import NodeError


class WebhookUrlRefused(NodeError):
    """The node does not call this address."""

    code = "webhook-url-refused"
    hint = "use https and a public host, or allow its network: docs/operate/webhooks.md says how"


class WebhookExists(NodeError):
    """There is a webhook of that name already."""

    code = "webhook-exists"
    hint = "choose another name, or change the one that is there with `accord webhook update`"


class WebhookOvertaken(NodeError):
    """The receiver may have a newer event about the same person or thing already."""

    code = "webhook-overtaken"
    hint = (
        "if it goes by `index` and not by arrival, repeat with --overtaken; it is sent out of order"
    )
