"""The joint score: a model of one party's labels over both parties' features, and a score of it.

The *brand* has labels and features of its own people, the *partner* features of its own. Over the
people of both a model is fitted from sums alone, and the brand gets one score for each of its own
people who match. `basis.py` makes columns of features as `basis_learning.py` has
learnt them, `moments.py` says which sums are taken and
what they are, `fitting.py` makes a model of them, `scoring.py` hands over the scores, `run.py` is
the whole, `asked.py` what a job asks. `again.py` scores later people by a model that is there
already, `asked_again.py` is what such a job asks.
"""
