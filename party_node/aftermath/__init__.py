"""What follows from entries of the ledger a little later: reports, sweeps, snapshots."""
