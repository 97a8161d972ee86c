"""Reach over several publishers without a trusted party: noisy sketches that anybody merges."""
