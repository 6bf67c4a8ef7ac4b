"""Benchmarks: each is a script of its own, run as ``python -m tests.bench.NAME [--json FILE]``."""
