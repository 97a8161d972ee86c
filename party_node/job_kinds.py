"""The kinds of job, as files, the interface and the command line name them."""

from typing import Literal, get_args

Kind = Literal["overlap", "audience", "insight", "lookalike", "joint", "federated"]
KINDS: tuple[str, ...] = get_args(Kind)
INSIGHT, LOOKALIKE, JOINT, FEDERATED = "insight", "lookalike", "joint", "federated"
ASKING = frozenset({INSIGHT, LOOKALIKE, JOINT, FEDERATED})
"""Kinds that ask a question beside the match; their price and parameters follow from it."""
