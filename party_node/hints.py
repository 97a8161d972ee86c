"""What to do about errors of the pure packages, which know nothing of commands and pages."""

from party_node.errors import NodeError

_HINTS = {
    "budget-exceeded": "ask for less, or agree on a new version of the collaboration",
    "delta-exceeded": "ask with a smaller delta, as 1e-15, or declare the words as categories",
    "invalid-identifier": "write an e-mail address, or a number with its country code: +44 …",
    "invalid-query": "docs/reference/queries.md lists every key, with a complete example",
    "unknown-purpose": "`accord policy show` lists the purposes that this node decides by",
    "malformed-record": "compare it with docs/spec/ledger.md",
    "ledger-inconsistent": "stop using the node: docs/reference/errors.md says what to do",
    "malformed-signal": "docs/spec/signals.md says what is read: paste the whole string",
    "small-cohort": "ask about a larger group",
    "sketches-differ": "ask the publishers for sketches of one campaign, period, level and size",
    "sketches-too-full": "make sketches with more buckets (--exponent), or of fewer parties",
    "model-gone": "ask for a joint score with label and features: that trains a model anew",
    "unknown-protocol": "agree on a new version of the collaboration, and ask for the job again",
    "strict-needed": "ask again with --strict",
    "unknown-time-zone": "record the person's time zone as an IANA name: Europe/Paris",
    "leaky-column": "leave the column out, or make categories of it; `accord job show` names it to "
    "the party that has it",
    "misfit-column": "state another kind for the column, or correct the data; `accord job show` "
    "names it to the party that has it",
    "nothing-to-learn": "name columns that differ, and seeds who are not nearly everybody",
    "too-few-seeds": "state as many seeds as are permitted: 25 at least, and the minimum size",
    "seeds-not-found": "count the people in common first: `accord job overlap`",
    "too-few-matches": "ask where 100 people of both train, ten of each label",
    "consent-denied": "`accord consent explain` says which entry decided",
}


def hint_of(code: str) -> str:
    """Return what to do about an error code of the pure packages, or of a pre-flight."""
    return _HINTS.get(code, "see docs/reference/errors.md")


def hint_for(error: Exception) -> str:
    """Return what its user can do about an error; empty where nobody can say."""
    if isinstance(error, NodeError):
        return error.hint
    return _HINTS.get(str(getattr(error, "code", "")), "")
