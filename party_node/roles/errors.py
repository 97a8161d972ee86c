"""What is refused about roles.

As in `party_node/errors.py`: the first sentence is what a user reads, `code` is stable, `hint` says
what to do.
"""

from party_node.errors import NodeError


class NotYourRole(NodeError):
    """The role of this token may not do this."""

    code = "not-your-role"
    hint = "docs/operate/requests.md says what each role may do"


class TwoRolesNeeded(NodeError):
    """Two people must show their tokens for this: an operator and a compliance officer."""

    code = "two-roles-needed"
    hint = "`accord role list` shows who has which role"


class RoleTaken(NodeError):
    """Somebody of that name has a role already."""

    code = "role-taken"
    hint = "one name has one role: choose another name, or revoke the old one first"


class HoldStranded(NodeError):
    """Nobody could open some holds any more."""

    code = "hold-stranded"
    hint = "add somebody in that role with `--share-holds` first, or repeat with --strand-holds"


class NobodyInRole(NodeError):
    """Nobody is there who could open a hold later."""

    code = "nobody-in-role"
    hint = "add an operator and a compliance officer with `accord role add`"
