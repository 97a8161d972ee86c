"""The schema's history: alembic scripts that run from inside the package."""
