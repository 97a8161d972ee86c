"""Lookalike jobs: what each side lays down, what the model is kept and told as."""
