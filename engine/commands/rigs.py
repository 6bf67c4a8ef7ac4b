"""List rigs and set lists, or show one: what `ripieno play --rig` and `--setlist` take."""

from __future__ import annotations

import argparse

SUMMARY = "list rigs and set lists, or show one"
EXAMPLES = """\
examples:
  ripieno rigs
  ripieno rigs cathedral_choir              its file, to read or copy
  ripieno play --rig cathedral_choir
  ripieno play --setlist concert"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", nargs="?", help="show the file of this rig")
    parser.add_argument("--json", action="store_true", help="print the lists as JSON")


def run(arguments: argparse.Namespace) -> int:
    import json
    from dataclasses import asdict

    from engine.paths import config_folder
    from engine.preset_files import find_preset
    from engine.rigs import KIND, list_rigs, load_rig
    from engine.setlists import list_setlists

    if arguments.name:
        load_rig(arguments.name)
        print(find_preset(KIND, arguments.name).read_text(encoding="utf-8"), end="")
        return 0
    rigs, complaints = list_rigs()
    setlists, more_complaints = list_setlists()
    if arguments.json:
        rows = [{**rig.table(), "id": rig.id} for rig in rigs]
        lists = [asdict(setlist) for setlist in setlists]
        print(json.dumps({"rigs": rows, "setlists": lists}, indent=2))
        return 0
    print("Rigs (ripieno play --rig NAME)")
    for rig in rigs:
        print(f"    {rig.id:<18}{rig.ensemble:<18}{rig.description}")
    print("Set lists (ripieno play --setlist NAME)")
    for setlist in setlists:
        print(f"    {setlist.id:<18}{', '.join(setlist.rigs)}")
    print(f"Your own: {config_folder() / KIND}")
    for complaint in [*complaints, *more_complaints]:
        print(f"Note: {complaint}")
    return 0
