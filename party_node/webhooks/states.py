"""The words for how webhooks, deliveries and attempts stand.

`docs/operate/webhooks.md` has a row for each.
"""

import enum


class WebhookState(enum.StrEnum):
    """Whether a webhook is called."""

    ACTIVE = "active"
    PAUSED = "paused"
    """By the operator; what happens is kept for later."""
    DISABLED = "disabled"
    """By the node, for a reason; what happens is kept for later."""


class Reason(enum.StrEnum):
    """Why the node disabled a webhook."""

    FAILING = "failing"
    """Nothing was delivered for three days of trying."""
    GONE = "gone"
    """The receiver answered 410: it wants nothing any more."""


class DeliveryState(enum.StrEnum):
    """How one event for one webhook stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class Cause(enum.StrEnum):
    """Why an attempt did not deliver, or why a delivery was given up."""

    NONE = ""
    UNRESOLVED = "unresolved"
    """The host's name was not found."""
    ADDRESS_REFUSED = "address-refused"
    """The host is at an address that the node does not call."""
    UNREACHABLE = "unreachable"
    """No connection came about."""
    TLS_FAILED = "tls-failed"
    """The certificate or the handshake is not right."""
    TIMED_OUT = "timed-out"
    """The answer did not come in time."""
    BAD_ANSWER = "bad-answer"
    """The connection ended without an HTTP answer, or with too long a one."""
    REDIRECTED = "redirected"
    """The receiver answered with another address, which the node does not follow."""
    GONE = "gone"
    """The receiver answered 410."""
    NOT_TAKEN = "not-taken"
    """The receiver answered with another status than 2xx."""
    EXPIRED = "expired"
    """It waited for thirty days for a webhook that was paused or disabled."""

    @property
    def perhaps_taken(self) -> bool:
        """Tell whether the receiver may have the message after such an attempt."""
        return self in (Cause.NONE, Cause.TIMED_OUT, Cause.BAD_ANSWER)
