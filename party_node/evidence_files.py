"""Names inside an evidence bundle, shared by the one who packs it and the one who checks it."""

import enum

README = "README.txt"
LEDGER = "ledger/"
RUNS = "runs/"


class RunFile(enum.StrEnum):
    """The files of one run."""

    JOB = "job.cbor"
    """`Signed` job description."""
    ACCEPTANCE = "acceptance.cbor"
    """`Signed` acceptance."""
    AGREEMENT = "agreement.cbor"
    """The collaboration, with both parties' keys."""
    RECEIPT = "receipt.cbor"
    SIGNATURES = "signatures.json"
    """Party to hexadecimal signature over the receipt."""
    CONSISTENCY = "consistency.txt"
    """Hashes from the receipt's ledger head to the bundle's checkpoint, one a line."""
