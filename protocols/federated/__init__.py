"""Federated training: partners with the same columns fit one model, and nobody sees another's part.

`terms.py` is what they agree on, `partner.py` and `aggregator.py` are the two sides of secure
aggregation, `learning.py` is the model that each fits, `noise.py` what protects the people in it.
"""
