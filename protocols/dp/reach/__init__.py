"""Reach over several publishers without a trusted party: sketches with noise that anybody merges."""
