"""Sketches of whom this party reached, for others to merge: the gate, the charge, the drawing."""
