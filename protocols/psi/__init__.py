"""Private set intersection: one file for each protocol, and what they share.

`params.py` has the parameters and results, `chunks.py` how a set is cut, `rows.py` how people with
several items are counted once, `join.py` the final match, and `dh.py` the protocols on Curve25519.
In all of them the receiver is the initiator.
"""
