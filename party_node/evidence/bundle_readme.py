"""The README of an evidence bundle: what each file is, and how to check it with other tools."""

import hashlib
from collections.abc import Mapping

_TEXT = """\
Evidence from the consent ledger of {party}

Made at tree size {size} of {origin}. It stands alone: no network, no database and nobody's help is
needed to check it.

What it shows: which uses of people's data were permitted, by which state of consent, and what came
of them. Use records hold counts and salted commitments, no person.

The files

  MANIFEST.txt                 SHA-256 of every other file
  receipt-key.jwk              the key that signs the receipts that people get (JWK, RFC 8037)
  ledger/                      entries of the consent ledger, each with the proof that it is there:
                               ledger/README.txt says what each file is and how it is checked
  runs/JOB/                    for each run that all parties signed:
    job.cbor                     what was asked for, signed by who asked
    acceptances.cbor             that every other party accepted it, signed
    agreement.cbor               the collaboration that it stands under, with all parties' keys
    countersignatures.txt        all parties' signatures over the agreement
    receipt.cbor                 what came of the run: counts, price, and the proof of each party's
                                 use record
    signatures.txt               all parties' signatures over the receipt
    consistency.txt              hashes from the receipt's ledger head to ledger/checkpoint
  runs/JOB/incomplete.txt      instead of these: who signed, where not all did; such a run has no
                               result

Check it

  accord-verify THIS-FILE.zip --policy POLICY.txt --party NAME=FINGERPRINT

Two things have to come to you by another way than this file. POLICY.txt names the keys of the
ledger and of its witnesses; ledger/policy.txt is the sender's own. A party's fingerprint is what
`accord node status` says at that party. Without them accord-verify says what to compare.

Check it with other tools

  sha256sum -c MANIFEST.txt

in the unpacked folder compares every file. The most important ones must have these hashes:

{hashes}
The rest is public formats: ledger/README.txt has the commands for its signatures, with openssl, and
names Go's packages for notes and trees. The .cbor files are deterministic CBOR (RFC 8949), and what
is signed with Ed25519 over which bytes stands in the specification of the job, docs/spec/job.md in
the source of Accord.

What it does not show

A bundle is a selection. It proves what is in it, and not that nothing else was done: compare the
size of the ledger with the number of its entries here, and ask for the tiles
(`accord ledger tiles`), which show that nothing was rewritten since you last looked.
"""


def readme(party: str, origin: str, size: int, files: Mapping[str, bytes]) -> bytes:
    """Return the README of a bundle with these files, of which it lists the most important."""
    listed = sorted(name for name in files if name.count("/") < 2 and not name.startswith("runs/"))
    hashes = "".join(f"  {hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in listed)
    return _TEXT.format(party=party, origin=origin, size=size, hashes=hashes).encode()
