"""The kinds of job, as files, the interface and the command line name them."""

from typing import Literal, get_args

Kind = Literal["overlap", "audience", "insight", "lookalike"]
KINDS: tuple[str, ...] = get_args(Kind)
INSIGHT, LOOKALIKE = "insight", "lookalike"
ASKING = frozenset({INSIGHT, LOOKALIKE})
"""Kinds that ask a question beside the match; their price and parameters follow from it."""
