"""Statistics of this party's own data: cells by DuckDB, noise, and releases that are kept."""
