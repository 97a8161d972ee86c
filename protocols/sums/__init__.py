"""Aligned sums: one side holds numbers for people, the other columns, and only sums come out."""
