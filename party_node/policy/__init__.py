"""The operator's policy: the file that people write, what a change of it does, and the notices."""
