"""Kept models and scores applied again: what lookalike, joint and federated jobs have brought."""
