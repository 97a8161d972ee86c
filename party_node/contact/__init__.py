"""Who may be contacted when and how often: what the node keeps for it."""
