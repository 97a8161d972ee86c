"""Private set intersection: one file for each protocol, and what they share.

`params.py` has the parameters and results, `chunks.py` how a set is cut, `rows.py` how people with
several items are counted once, `opening.py` how a run starts, `join.py` the final match, and
`dh.py` the protocols on Curve25519, in which the receiver is the initiator. `union.py` numbers the
union of two sets, in which nobody is the receiver. `ot.py` is the one by OT extension, with its
halves beside it. `ring.py` is for three parties and more.
"""
