"""Tests, in the shape of the tree they test; `tests.bench` measures."""
