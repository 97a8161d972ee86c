"""What is refused about files of consents, and the mappings that they are read by.

As in `party_node/errors.py`: the first sentence is what a user reads, `code` is stable, `hint` says
what to do.
"""

from party_node.errors import NodeError


class ImportUnreadable(NodeError):
    """The consent file cannot be read."""

    code = "import-unreadable"
    hint = "docs/operate/data.md describes the columns of CSV, JSON Lines and Parquet files"


class InvalidMapping(NodeError):
    """The mapping file cannot be used."""

    code = "invalid-mapping"
    hint = "docs/operate/data.md describes every key; `accord consent mapping check` reads it alone"


class RejectsUnwritable(NodeError):
    """The list of refused rows cannot be written."""

    code = "rejects-unwritable"
    hint = "name a file that does not exist yet, in a folder that the node may write to"


class ImportInterrupted(NodeError):
    """The import stopped before the end of the file."""

    code = "import-interrupted"
    hint = "repeat it: what was taken in is not taken in twice"
