"""Oblivious transfer and its extension to a batched oblivious PRF (KKRT16), on arrays.

`base.py` has the public-key part, `matrix.py` the columns and their transposition, `code.py` the
pseudorandom code and the hash that ends it, and `aes.py` the one primitive under all of them.
"""
