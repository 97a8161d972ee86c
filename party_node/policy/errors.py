"""What is refused about policies and notices.

As in `party_node/errors.py`: the first sentence is what a user reads, `code` is stable, `hint` says
what to do.
"""

from party_node.errors import NodeError


class InvalidPolicy(NodeError):
    """The policy file cannot be used."""

    code = "invalid-policy"
    hint = "docs/operate/policy.md has a complete example"


class PurposeInUse(NodeError):
    """A purpose that people agreed to cannot be removed while a collaboration names it."""

    code = "purpose-in-use"
    hint = "keep the purpose until the collaboration has ended, or agree on a version without it"


class NoticeConflict(NodeError):
    """Another notice is published under this name, or this text under another."""

    code = "notice-conflict"
    hint = "a published notice never changes: publish the new text as the next version"


class NoticeRefused(NodeError):
    """The notice cannot be published as it is described."""

    code = "notice-refused"
    hint = "docs/operate/policy.md says how notices follow each other"
