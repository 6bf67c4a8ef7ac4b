"""List what there is to choose from: sound devices, MIDI inputs and ensembles, by name."""

from __future__ import annotations

import argparse
from collections.abc import Callable

SUMMARY = "list sound devices, MIDI inputs and ensembles"
EXAMPLES = """\
examples:
  ripieno devices
  ripieno devices --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the lists as JSON")


def run(arguments: argparse.Namespace) -> int:
    found = look()
    if arguments.json:
        import json

        print(json.dumps(found, indent=2))
        return 0
    print("Sound (ripieno play --out NAME)")
    if found["jack"]:
        jack = found["jack"]
        delay_ms = 1000.0 * jack["block_frames"] / jack["rate_hz"]
        print(f"  jack: {jack['rate_hz']} Hz, {jack['block_frames']} frames ({delay_ms:.1f} ms)")
    for device in found["outputs"]:
        mark = "*" if device["default"] else " "
        print(
            f"  {mark} {device['name']} ({device['host_api']}): {device['channels']} channels, "
            f"{device['rate_hz']} Hz, {device['latency_ms']:.1f} ms"
        )
    print("  none: no sound, everything else")
    print("MIDI (ripieno play --in NAME)")
    for name in found["inputs"]:
        print(f"    {name}")
    if not found["inputs"]:
        print("    no keyboard found: the computer's own plays, or --from FILE.mid")
    for name in (*found["loopbacks"]["midi"], *found["loopbacks"]["audio"]):
        print(f"    {name} leads into other programs")
    print("Ensembles (--ensemble NAME)")
    for ensemble in found["ensembles"]:
        print(f"    {ensemble['id']:<18}{', '.join(ensemble['parts'])}")
    for sentence in found["remarks"]:
        print(f"Note: {sentence}")
    return 0


def look(sound_cards: Callable[[], list] | None = None) -> dict:
    """Everything there is; what cannot be looked at becomes a remark. [main]

    `sound_cards` lists them where a stream may be playing.
    """
    from dataclasses import asdict

    from engine import jack, loopback, portaudio
    from engine.ensembles import list_ensembles
    from engine.errors import RipienoError
    from engine.midi import ports

    found: dict = {"jack": None, "outputs": [], "inputs": [], "ensembles": [], "remarks": []}
    try:
        device = jack.JackDevice("ripieno-look")
        found["jack"] = {"rate_hz": device.rate_hz, "block_frames": device.block_frames}
        device.close()
    except RipienoError as error:
        found["remarks"].append(str(error))
    try:
        found["outputs"] = [asdict(card) for card in (sound_cards or portaudio.list_devices)()]
    except RipienoError as error:
        found["remarks"].append(str(error))
    try:
        names = [*ports.input_names(), *jack.midi_sources()]
        found["inputs"] = list(dict.fromkeys(names))
    except RipienoError as error:
        found["remarks"].append(str(error))
    ways = loopback.find_ways(found["inputs"], [device["name"] for device in found["outputs"]])
    found["loopbacks"] = asdict(ways)
    if missing := loopback.advice(ways):
        found["remarks"].append(missing)
    found["ensembles"] = [
        {"id": e.id, "name": e.name, "parts": [part.name for part in e.parts]}
        for e in list_ensembles()
    ]
    return found
