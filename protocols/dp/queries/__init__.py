"""Typed questions about people: what may be asked, what it costs, and what comes out.

An analyst never writes SQL. A question is a record (`query.py`) over columns whose domains are
declared and public (`schema.py`); `plan.py` turns it into integer cells with the most that one
person changes them, and the noise that its price buys.
"""
