"""Who may do what at this node: people in roles, each with a token of their own."""
