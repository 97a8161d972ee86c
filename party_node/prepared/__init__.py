"""Sets of tags that outlive a run: those prepared here, and copies of other parties' sets."""
