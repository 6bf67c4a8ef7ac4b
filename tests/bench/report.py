"""The form all benchmarks share: a table on the terminal and, with ``--json FILE``, a file.

The file is ``{"bench": NAME, "rows": [{column: value}], "reach": {claim: CLAIM}}`` with CLAIM
``{"value", "bar", "ok"}``.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def arguments(
    doc: str | None, argv: Sequence[str] | None = None, seconds: float | None = None
) -> argparse.Namespace:
    """Parse the command line of a benchmark: ``--json FILE``, and ``--seconds`` if it has any."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    if seconds is not None:
        parser.add_argument(
            "--seconds", type=float, default=seconds, help="of each measurement (%(default)s)"
        )
    return parser.parse_args(argv)


def report(
    bench: str,
    rows: list[dict[str, Any]],
    reach: Mapping[str, tuple[Any, Any, bool]],
    json_path: Path | None,
) -> None:
    """Print `rows` and `reach` (claim -> value, bar, ok); write both to `json_path` if given."""
    print(f"\n{bench}\n{table(rows)}")
    for claim, (value, bar, ok) in reach.items():
        print(f"{'reached' if ok else 'MISSED ':8} {claim}: {_cell(value)} (bar {_cell(bar)})")
    if json_path is None:
        return
    figures = {
        "bench": bench,
        "rows": rows,
        "reach": {
            claim: {"value": value, "bar": bar, "ok": bool(ok)}
            for claim, (value, bar, ok) in reach.items()
        },
    }
    json_path.write_text(json.dumps(figures, indent=1, default=_plain) + "\n", encoding="utf-8")


def table(rows: list[dict[str, Any]]) -> str:
    """Return `rows` as aligned columns, headings first; numbers to the right."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, *([_cell(row.get(column, "")) for column in columns] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    numeric = [
        all(isinstance(row.get(column, 0), int | float) for row in rows) for column in columns
    ]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in lines
    )


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    """numpy scalars and arrays, paths: as what JSON knows."""
    return value.tolist() if hasattr(value, "tolist") else str(value)
