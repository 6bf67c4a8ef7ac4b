"""Ensembles, rigs and set lists as readable TOML files; the schema is in README.md beside."""
