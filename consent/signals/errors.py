"""What a text that should be a signal is refused with."""

from consent.errors import MalformedRecord


class MalformedSignal(MalformedRecord):
    """The text is not a signal of this kind, or not one that is still in use."""

    code = "malformed-signal"
