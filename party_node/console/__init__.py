"""The node's console: plain pages for the people who run it, made on the server."""
