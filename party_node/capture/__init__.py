"""Where what people said comes in."""
