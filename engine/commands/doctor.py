"""Check libraries, ports, servers, limits, SoundFonts and weights, and print the fix for each lack.

Exit code 0 if `ripieno demo` can run here, 1 if something it needs is missing.
"""

from __future__ import annotations

import argparse
import textwrap

SUMMARY = "what this system has and lacks, and how to mend it"
EXAMPLES = """\
examples:
  ripieno doctor
  ripieno doctor --json"""
MARKS = {"ok": "ok  ", "advice": "note", "missing": "MISSING"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from engine import doctor

    if arguments.json:
        import json

        findings = doctor.examine()
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        findings = doctor.examine(_print)
        lacking = [f.what for f in findings if f.state == doctor.MISSING]
        print()
        print(f"Missing: {', '.join(lacking)}." if lacking else "Ready: try `ripieno demo`.")
    return 0 if doctor.healthy(findings) else 1


def _print(finding) -> None:
    print(f"{MARKS[finding.state]:<8}{finding.what:<12}{finding.found}", flush=True)
    if finding.fix:
        print(textwrap.fill(finding.fix, 90, initial_indent=20 * " ", subsequent_indent=20 * " "))
