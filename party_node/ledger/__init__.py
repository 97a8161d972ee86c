"""The consent ledger of a party node: log, state, proofs."""
