"""What an outside auditor gets, and how it is checked."""
