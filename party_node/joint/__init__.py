"""Joint scores: what each side lays down, and what the receiver keeps and shows."""
