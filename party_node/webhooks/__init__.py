"""Telling other systems of this party what has changed: signed, in order, retried."""
