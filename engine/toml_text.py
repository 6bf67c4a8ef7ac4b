"""Plain tables as TOML text: numbers, text, true and false, lists, tables, lists of tables. [any]

What `tomllib` reads back is equal to what was written. Keys come in the order of the table, plain
values before tables, as the format wants it.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")


def to_toml(table: dict[str, Any]) -> str:
    """The table as text that ends with a line break; ValueError for what TOML has not. [any]"""
    return "\n".join(_lines(table, "")).strip("\n") + "\n"


def _lines(table: dict[str, Any], path: str) -> list[str]:
    lines = [f"{_key(k)} = {_value(v)}" for k, v in table.items() if not _is_table(v)]
    for key, value in table.items():
        inner = f"{path}.{_key(key)}" if path else _key(key)
        if isinstance(value, dict):
            below = _lines(value, inner)
            if not value or any(not _is_table(v) for v in value.values()):
                below = ["", f"[{inner}]", *below]
            lines += below
        elif _is_table(value):
            for item in value:
                lines += ["", f"[[{inner}]]", *_lines(item, inner)]
    return lines


def _is_table(value: Any) -> bool:
    """Whether a value needs lines of its own: a table, or a list of tables."""
    if isinstance(value, dict):
        return True
    several = isinstance(value, list | tuple) and len(value) > 0
    return several and all(isinstance(item, dict) for item in value)


def _key(key: str) -> str:
    return key if BARE_KEY.match(key) else _text(key)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) + ".0" if value == int(value) and abs(value) < 1e15 else repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    raise ValueError(f"{value!r} cannot be written as TOML")
