"""A stand-alone witness: cosigns the ledgers that its operator trusts, and does nothing else."""
