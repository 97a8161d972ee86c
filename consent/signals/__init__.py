"""Privacy signals of the advertising world: TCF, GPP and Global Privacy Control.

A parser returns a value or raises MalformedSignal, for any text. A value has one written form. It
may differ from the text that was read, which stays beside it in `raw`.
"""
