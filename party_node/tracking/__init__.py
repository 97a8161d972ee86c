"""Effect tracking: scores of a model against what became of people later."""
