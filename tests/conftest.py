"""What holds for every test.

Hypothesis measures each example against a deadline by default. On a machine that others use too,
that is a coin toss: what must be fast is a benchmark's business.
"""

from hypothesis import settings

settings.register_profile("accord", deadline=None)
settings.load_profile("accord")
