"""What binds a run: 32 bytes that depend on the protocol, the whole job and all parties' keys.

They enter hash-to-group, the opening messages and the transcript. So two runs can never be mixed,
and parties that agreed to different things fail at their first message.
"""

import hashlib

from protocols.codec import encode
from protocols.errors import LocalError
from protocols.job import JobDescription, job_hash
from protocols.keys import PartyPublic

_LABEL = b"accord/context/1\x00"


def context(job: JobDescription, *keys: PartyPublic) -> bytes:
    """Return ctx: SHA-256 over protocol name, job hash, and all parties' keys: the receiver's, then
    the senders' in the job's order.

    Each part enters with its length in 4 bytes, big-endian.

    Raises: LocalError if a key is not that of the party which the job names.
    """
    if tuple(key.party for key in keys) != job.parties():
        raise LocalError("these are not the keys of the parties of this job")
    digest = hashlib.sha256(_LABEL)
    for part in (job.protocol.encode(), job_hash(job), *map(encode, keys)):
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.digest()
