"""The history of a stand-alone witness's schema, run from inside the package."""
