"""The README of a person's file: what it is, in words that need no knowledge of this software."""

from consent import instants

_TEXT = """\
Your data at {name}

You asked what we have about you in our consent system. This is all of it, as it stood at {made}.

consents.csv      What you, or somebody for you, said about the use of your data: one line each.
                  "given" is a yes, "withdrawn" and "refused" are a no. The newest decides.
choices.csv       How you want to be addressed: channels, topics, how often, pauses.
uses.csv          When your data was used, for whom and what for: {uses} decisions.
                  Decisions in which you were left out are not listed.
person.json       Where else you occur with us: files, audiences, contacts, your own requests.
entries.json      Everything in our ledger about you, with all details: {entries} entries.
notices/          The texts that you were shown when you were asked, as far as we store them.
receipts/         A signed receipt for each thing that you said about consent, and the
                  key that signs them. Keep them.
proof/            Proof that these entries are in our ledger. Its README says how to check them,
                  without us. {witnesses}

What is not in it

Our consent system holds your e-mail address and telephone number only in a form that it cannot
read back. The rows about you in the files that person.json names are not copied here: ask us for
them if you want them too.

How a computer decides about you

Before your data is used for a purpose, a program looks whether you agreed to exactly that. If
nothing shows that you did, the answer is no. A no counts from the moment at which it arrives. You
can ask us to explain any line of uses.csv, and you can withdraw at any time.

Ledger: {origin}
"""
_WITNESSED = "Independent witnesses have signed the state that it leads to."
_NOT_YET = "No witness has signed that state yet: ask again in a while."


def readme(
    name: str, origin: str, made_ms: int, *, witnessed: bool, entries: int, uses: int
) -> str:
    """Return the text."""
    return _TEXT.format(
        name=name,
        made=instants.to_text(made_ms),
        uses=f"{uses:,}",
        entries=f"{entries:,}",
        witnesses=_WITNESSED if witnessed else _NOT_YET,
        origin=origin,
    )
