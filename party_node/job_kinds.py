"""The kinds of job, as files, the interface and the command line name them."""

from typing import Literal, get_args

Kind = Literal["overlap", "audience", "insight", "lookalike", "federated"]
KINDS: tuple[str, ...] = get_args(Kind)
INSIGHT, LOOKALIKE, FEDERATED = "insight", "lookalike", "federated"
ASKING = frozenset({INSIGHT, LOOKALIKE, FEDERATED})
"""Kinds that ask a question beside the match; their price and parameters follow from it."""
