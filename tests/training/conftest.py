"""Tests of what only training needs are collected where that is installed (the extra `train`)."""

from importlib.util import find_spec

collect_ignore = [
    *(["test_chorales.py"] if find_spec("music21") is None else []),
    *(["test_train.py"] if find_spec("torch") is None else []),
]
