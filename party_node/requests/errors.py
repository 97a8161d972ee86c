"""What is refused about people's requests.

As in `party_node/errors.py`: the first sentence is what a user reads, `code` is stable, `hint` says
what to do.
"""

from party_node.errors import NodeError


class IdentifierInText(NodeError):
    """A text that outlives the person seems to hold an identifier."""

    code = "identifier-in-text"
    hint = "leave out addresses, numbers and names: the ledger keeps these words for ever"


class StepNotPossible(NodeError):
    """The request cannot take this step now."""

    code = "step-not-possible"
    hint = "`accord request show` says what is possible now"
