"""Tests of what only training needs are collected where that is installed (the extra `train`)."""

from importlib.util import find_spec

_TORCH = ("test_network.py", "test_train.py", "test_attention.py", "test_generate.py")
collect_ignore = [] if find_spec("torch") else [*_TORCH]
