"""Private set intersection: one file for each protocol, and what they share.

`params.py` has the parameters and results, `chunks.py` how a set is cut, `join.py` the final match,
`dh.py` the protocols on Curve25519, and `prepared.py` the one against a set that is kept between
runs. In all of them the receiver is the initiator.
"""
