"""List, scan or show the plugins this system has, or forget what is known of one.

Plugins in quarantine crashed or did not load when they were looked at; they are left alone until
they change or are forgotten.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

SUMMARY = "which plugins there are; scan for new ones"
EXAMPLES = """\
examples:
  ripieno plugins scan                     every folder of this system
  ripieno plugins scan ~/my-plugins
  ripieno plugins list
  ripieno plugins show ZamCompX2           its parameters
  ripieno plugins forget ZamCompX2         look at it anew next time
  ripieno plugins forget all"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "scan", "show", "forget"), help="what to do")
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help="scan: folders instead of the usual ones; show, forget: a plugin's name or path",
    )
    parser.add_argument("--json", action="store_true", help="list, scan: print the list as JSON")


def run(arguments: argparse.Namespace) -> int:
    from engine.errors import RipienoError
    from engine.plugins import scan

    names: list[str] = arguments.names
    if arguments.action in ("show", "forget") and not names:
        raise RipienoError(f"{arguments.action}: give the name of a plugin")
    if arguments.action == "forget":
        for name in names:
            for path in scan.forget(name):
                print(f"Forgotten: {path}")
        return 0
    if arguments.action == "show":
        for name in names:
            _show(name)
        return 0
    if arguments.action == "scan":
        folders = [Path(name).expanduser() for name in names]
        for folder in folders:
            if not folder.is_dir():
                raise RipienoError(f"{folder} is not a folder")
        entries = scan.scan(folders or None, (lambda s: None) if arguments.json else print)
    else:
        entries = scan.cached()
    if arguments.json:
        import json
        from dataclasses import asdict

        print(json.dumps([asdict(entry) for entry in entries], indent=2))
    else:
        _print(entries)
    return 0


def _print(entries: list[Any]) -> None:
    from engine.plugins.builtin import EFFECTS
    from engine.plugins.chain import BUILT_IN

    plugins = [(plugin, entry.path) for entry in entries for plugin in entry.plugins]
    for title, instrument in (("Instruments", True), ("Effects", False)):
        print(title)
        for plugin, path in plugins:
            if plugin["instrument"] == instrument:
                print(f"    {plugin['name']:<24}{plugin['manufacturer']:<24}{path}")
        if not any(plugin["instrument"] == instrument for plugin, _ in plugins):
            print("    none found: `ripieno plugins scan` looks for them")
    print(f"Effects that need no file: {', '.join(BUILT_IN + name for name in EFFECTS)}")
    quarantined = [entry for entry in entries if entry.quarantine]
    if quarantined:
        print("In quarantine (`ripieno plugins forget PATH` lets one try again)")
        for entry in quarantined:
            print(f"    {entry.path}: it {entry.quarantine}")


def _show(name: str) -> None:
    from engine.plugins.chain import PluginError
    from engine.plugins.scan import cached

    for entry in cached():
        for plugin in entry.plugins:
            if plugin["name"].casefold() != name.casefold() and entry.path != name:
                continue
            kind = "instrument" if plugin["instrument"] else "effect"
            print(f"{plugin['name']} {plugin['version']}, {plugin['manufacturer']}: {kind}")
            print(f"    {plugin['latency_frames']} frames late; {entry.path}")
            for parameter in plugin["parameters"]:
                steps = f", {parameter['steps']} steps" if parameter["steps"] else ""
                print(f"    {parameter['name']:<32}{parameter['default']:.3f}{steps}")
            return
    raise PluginError(f'no scanned plugin is called "{name}"')
