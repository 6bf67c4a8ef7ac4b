"""Tests of what only training needs are collected where that is installed (the extra `train`)."""

from importlib.util import find_spec

collect_ignore = [
    *(["test_chorales.py"] if find_spec("music21") is None else []),
    *(
        ["test_train.py", *(f"test_study_{name}.py" for name in ("models", "rules", "tables"))]
        if find_spec("torch") is None
        else []
    ),
    *(["test_study_archives.py"] if find_spec("tqdm") is None else []),
]
