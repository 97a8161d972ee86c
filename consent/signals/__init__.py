"""Privacy signals of the advertising world, read and written: TCF, GPP and Global Privacy Control.

A parser returns a value or raises MalformedSignal, for any text. A value has one written form, which
may differ from the text it was read from; the text stays beside it in `raw`.
"""
