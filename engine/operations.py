"""What every row of the address table does to a session: the one door for OSC and MIDI learn. [any]

A row that names a parameter of the engine needs nothing here. A setting has a way to be set and one
to be read; everything else has one function, which returns what is to be answered, or None.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine import addresses, chain_operations, morph_pads, report
from engine.addresses import CHOICES, Address, At, OutOfRangeError
from engine.bindings import Binding
from engine.errors import RipienoError
from engine.osc import Values, as_json

Operation = Callable[..., Values | None]  # (session, at, *values)


def carry_out(session: Any, row: Address, at: At, values: tuple[Any, ...]) -> Values | None:
    """Do what a checked message says, or answer it; RipienoError or ValueError say why not. [any]

    A setting without values is asked for its value.
    """
    if at.part is not None and at.part >= session.part_count():
        number, count = at.part + 1, session.part_count()
        path = row.path.format(part=number)
        raise OutOfRangeError(f"{path}: part {number} is outside 1 .. {count} of this ensemble")
    if row.parameter:
        return _parameter(session, row, at.part, values)
    if row.setting:
        set_it, get_it = SETTINGS[row.path]
        if not values:
            return [(row.arguments[0].tag, get_it(session, at))]
        set_it(session, at, *values)
        return None
    return ACTS[row.path](session, at, *values)


def set_value(session: Any, path: str, *values: Any) -> None:
    """Send a message to a session as if by OSC. RipienoError or ValueError say why not. [any]"""
    row, at = addresses.find(path)
    carry_out(session, row, at, addresses.check(row, list(values)))


def value_of(session: Any, path: str) -> Any:
    """The value a setting has. [any]"""
    row, at = addresses.find(path)
    reply = carry_out(session, row, at, ())
    return reply[0][1] if reply else None


def _parameter(
    session: Any, row: Address, part: int | None, values: tuple[Any, ...]
) -> Values | None:
    if not values:
        return [parameter_value(row, session.get(row.parameter, part))]
    choices = CHOICES.get(row.parameter)
    value = choices.index(values[0]) if choices else values[0]
    session.set(row.parameter, float(value), part)
    return None


def parameter_value(row: Address, value: float) -> tuple[str, Any]:
    """A parameter's value as its row's message says it. [any]"""
    tag = row.arguments[0].tag
    if row.parameter in CHOICES:
        return tag, CHOICES[row.parameter][int(value)]
    return tag, int(value) if tag == "i" else float(value)


def _names(names: list[str]) -> Values:
    return [("s", name) for name in names]


def _part_setting(key: str) -> tuple[Callable[..., None], Callable[..., Any]]:
    def set_it(session: Any, at: At, value: Any) -> None:
        session.edit_part(at.part, **{key: value})

    def get_it(session: Any, at: At) -> Any:
        return getattr(session.ensemble.parts[at.part], key)

    return set_it, get_it


def _change_learned(key: str) -> Operation:
    def change(session: Any, at: At, address: str, value: Any) -> None:
        session.learn.change(address, **{key: value})

    return change


SETTINGS: dict[str, tuple[Callable[..., None], Callable[..., Any]]] = {
    **chain_operations.SETTINGS,
    "/ripieno/ensemble": (
        lambda session, at, name: session.set_ensemble(name),
        lambda session, at: session.ensemble_id(),
    ),
    **{
        f"/ripieno/part/{{part}}/{key}": _part_setting(key)
        for key in ("program", "bank", "low", "high", "polyphony", "sound", "midi_channel")
    },
    "/ripieno/part/{part}/morph/sound": (
        lambda session, at, name: session.edit_part(
            at.part, **({"sound": "morph", "morph": name} if name else {"sound": "soundfont"})
        ),
        lambda session, at: session.pads.name(at.part),
    ),
    "/ripieno/part/{part}/morph/interpolation": (
        lambda session, at, word: session.pads.interpolate(at.part, word),
        lambda session, at: session.pads.interpolation(at.part),
    ),
    "/ripieno/part/{part}/morph/record": (
        lambda session, at, on: session.pads.record(at.part, on),
        lambda session, at: session.pads.recording(at.part),
    ),
    "/ripieno/rig": (
        lambda session, at, name: session.repertoire.play(name),
        lambda session, at: session.repertoire.rig_id,
    ),
    "/ripieno/setlist": (
        lambda session, at, name: session.repertoire.use_setlist(name),
        lambda session, at: session.repertoire.setlist_id,
    ),
    "/ripieno/device": (
        lambda session, at, name, block_frames=None: session.choose_output(name, block_frames),
        lambda session, at: session.device.description,
    ),
    "/ripieno/osc_port": (
        lambda session, at, port: session.choose_osc_port(port),
        lambda session, at: session.osc_port,
    ),
    "/ripieno/input": (
        lambda session, at, name: session.choose_input(name),
        lambda session, at: session.input_wanted,
    ),
}

ACTS: dict[str, Operation] = {
    **chain_operations.ACTS,
    "/ripieno/version": lambda session, at: [
        ("s", session.version()),
        ("i", addresses.PROTOCOL),
    ],
    "/ripieno/state": lambda session, at, section="": as_json(
        session.state_section(section) if section else session.state()
    ),
    "/ripieno/statistics": lambda session, at: as_json(session.statistics()),
    "/ripieno/histograms": lambda session, at: as_json(report.histograms(session.engine)),
    "/ripieno/latency": lambda session, at: as_json(session.state_section("latency")),
    "/ripieno/transport": lambda session, at: as_json(session.state_section("transport")),
    "/ripieno/transport/start": lambda session, at, bars=0: session.start_transport(bars),
    "/ripieno/transport/stop": lambda session, at: session.set("rolling", 0),
    "/ripieno/transport/locate": lambda session, at, beat: session.sync.locate(beat),
    "/ripieno/transport/tap": lambda session, at: session.sync.tap() and None,
    "/ripieno/continuation/start": lambda session, at: session.continuation.start(),
    "/ripieno/continuation/stop": lambda session, at: session.continuation.stop(),
    "/ripieno/midi_out/port": lambda session, at, name: session.open_midi_out(name),
    "/ripieno/midi_out/announce": lambda session, at: session.engine.announce_programs(),
    "/ripieno/statistics/reset": lambda session, at: session.reset_statistics(),
    "/ripieno/panic": lambda session, at: session.panic(),
    "/ripieno/quit": lambda session, at: session.quit(),
    "/ripieno/ensembles": lambda session, at: _names(session.ensemble_ids()),
    "/ripieno/ensembles/details": lambda session, at: as_json(report.ensembles()),
    "/ripieno/key": lambda session, at, pitch, velocity: session.inputs.remote_key(pitch, velocity),
    "/ripieno/part/{part}/key": lambda session, at, pitch, velocity: session.inputs.remote_key(
        pitch, velocity, at.part
    ),
    "/ripieno/file": lambda session, at, path: session.play_file(path),
    "/ripieno/morph/sounds": lambda session, at: as_json(morph_pads.sounds()),
    "/ripieno/part/{part}/morph/draw": lambda session, at, path: session.pads.draw(at.part, path),
    "/ripieno/part/{part}/morph/save": lambda session, at, name: _names(
        [str(session.pads.save(at.part, name))]
    ),
    "/ripieno/file/stop": lambda session, at: session.inputs.stop_file(),
    "/ripieno/learn": lambda session, at, address, source="controls": session.learn.learn(
        address, source
    ),
    "/ripieno/learn/cancel": lambda session, at: session.learn.cancel(),
    "/ripieno/learn/forget": lambda session, at, address: session.learn.forget(address),
    "/ripieno/learn/forget_all": lambda session, at: session.learn.replace([]),
    "/ripieno/learn/mode": _change_learned("mode"),
    "/ripieno/learn/range": lambda session, at, address, low, high: session.learn.change(
        address, low=low, high=high
    ),
    "/ripieno/learn/curve": _change_learned("curve"),
    "/ripieno/learn/through": lambda session, at, address, through: session.learn.change(
        address, through=bool(through)
    ),
    "/ripieno/learn/bind": lambda session, at, text: session.learn.bind(binding_of(text)),
    "/ripieno/rigs": lambda session, at: as_json(session.repertoire.rigs()),
    "/ripieno/rig/save": lambda session, at, name: _names([str(session.repertoire.save(name))]),
    "/ripieno/rig/text": lambda session, at: [("s", session.repertoire.text())],
    "/ripieno/rig/undo": lambda session, at: session.repertoire.undo(),
    "/ripieno/rig/redo": lambda session, at: session.repertoire.redo(),
    "/ripieno/setlists": lambda session, at: as_json(session.repertoire.setlists()),
    "/ripieno/setlist/next": lambda session, at: session.repertoire.step(1),
    "/ripieno/setlist/previous": lambda session, at: session.repertoire.step(-1),
    "/ripieno/setlist/go": lambda session, at, number: session.repertoire.go(number - 1),
    "/ripieno/devices": lambda session, at: as_json(report.devices(session)),
    "/ripieno/connections": lambda session, at: as_json(connections()),
    "/ripieno/connections/forget": lambda session, at, text: forget_connections(text),
    "/ripieno/inputs": lambda session, at: _names(session.input_names()),
    "/ripieno/recorder": lambda session, at: as_json(session.recorder_state()),
    "/ripieno/takes": lambda session, at: as_json({"takes": session.recordings.list()}),
    "/ripieno/take/keep": lambda session, at, seconds=None: _names([str(session.keep(seconds))]),
    "/ripieno/take/export": lambda session, at, take, form: _names(
        [str(session.export(take, form))]
    ),
}


def connections() -> dict[str, Any]:
    """The connections that are remembered, ready for JSON. [any]"""
    from engine.connections import connections_file, read

    made, parted = read(connections_file())
    return {"connected": sorted(made), "parted": sorted(parted)}


def forget_connections(text: str) -> None:
    """Forget connections; the device notices by the file. RipienoError if it cannot be. [any]"""
    from engine.connections import Connections, connections_file

    memory = Connections(connections_file())
    memory.forget(text)
    if memory.trouble:
        raise RipienoError(memory.trouble)


def binding_of(text: str) -> Binding:
    """The binding a remote described in JSON. RipienoError says what is wrong. [any]"""
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        raise RipienoError(f"{text[:60]!r} is not JSON") from None
    return Binding.of(table)


def file_or_demo(path: str) -> Path:
    """The file a remote named, or the demo's chorale for no name. [any]"""
    from engine.paths import presets_folder

    return Path(path) if path else presets_folder() / "demo" / "herzliebster_jesu.mid"
