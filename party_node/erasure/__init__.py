"""Taking one person's data away for good, while the log and its proofs stay."""
