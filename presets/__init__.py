"""Ensembles as readable TOML files; the schema is in README.md beside this file."""
