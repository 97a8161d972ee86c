"""The lookalike model: features, training from noised aligned sums, scores, evaluation.

The features sit at one party (the *partner*, who scores its own candidate population); who is a
seed sits at the other (the *brand*). `features.py` says what a column is, `leakage.py` refuses what
would single people out, `encoding.py` makes codes of columns, `quality.py` reports on them,
`kernel.py` and `representation.py` make the columns of a sum without looking at any label,
`looking.py` those of a second by what the first has told (`measured.py`), `training.py` makes a
model of both (`prior.py` says how large its parts are, `fitting.py` finds the curve), `model.py`
scores, `evaluation.py` how good it is by held-out seeds, `card.py` what it is, `preflight.py` how
good it can get.
"""
