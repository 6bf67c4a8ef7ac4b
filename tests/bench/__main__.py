"""Run every benchmark in a process of its own, then say in one table what was reached.

``python -m tests.bench [NAME ...]``; figures go to build/bench/NAME.json. The exit status is 1 if
a benchmark failed or missed what it should reach.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.bench.report import table

HERE = Path(__file__).parent
FIGURES = HERE.parents[1] / "build" / "bench"


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; return the exit status."""
    known = benchmarks()
    for name in names:
        if name not in known:
            print(f"no benchmark {name!r}: choose from {', '.join(known)}", file=sys.stderr)
            return 2
    FIGURES.mkdir(parents=True, exist_ok=True)
    rows = [row for name in names or known for row in run(name)]
    print(f"\nAll of it\n{table(rows)}")
    return 0 if all(row["reached"] == "yes" for row in rows) else 1


def benchmarks() -> list[str]:
    """Names of the modules here that can be run; what they share cannot."""
    names = [path.stem for path in sorted(HERE.glob("[!_]*.py"))]
    return [name for name in names if _runs(name)]


def run(name: str) -> list[dict[str, Any]]:
    """Run one benchmark and return a row for each claim of its file."""
    path = FIGURES / f"{name}.json"
    path.unlink(missing_ok=True)
    command = [sys.executable, "-m", f"tests.bench.{name}", "--json", str(path)]
    code = subprocess.run(command, cwd=HERE.parents[1], check=False).returncode
    if not path.exists():
        return [_row(name, "ran to its end", f"exit code {code}", "0", False)]
    reach = json.loads(path.read_text(encoding="utf-8"))["reach"]
    return [
        _row(name, claim, entry["value"], entry["bar"], entry["ok"])
        for claim, entry in reach.items()
    ]


def _runs(name: str) -> bool:
    text = (HERE / f"{name}.py").read_text(encoding="utf-8")
    return '__name__ == "__main__"' in text and not name.startswith("test_")


def _row(name: str, claim: str, value: Any, bar: Any, ok: bool) -> dict[str, Any]:
    reached = "yes" if ok else "NO"
    return {"benchmark": name, "claim": claim, "value": value, "bar": bar, "reached": reached}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
