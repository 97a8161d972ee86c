"""`accord bench psi`: a matching protocol between two processes, through the relay and directly.

`asking.py` reads what is to be measured, `setting_up.py` makes a coordinator and two enrolled
homes, `party.py` is the process of one side, `direct.py` stands in for the relay, `psi.py` carries
it out and adds up.
"""
