"""What a session tells: its state and statistics for JSON, events for OSC, sentences for players.

Pure readings of a session and its engine, used by the control, the terminal and the demo. [any]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.addresses import CHOICES, PROTOCOL
from engine.continuation.manager import FLOORS, PREFIX
from engine.ensembles import list_ensembles
from engine.notes import MOVED, NOTE_OFF, NOTE_ON, how_of
from engine.osc import Event
from engine.parameters import GLOBAL_PARAMETERS, PART_PARAMETERS
from engine.rt.layout import FLOOR_MOVED, PANICKED, TRANSPORT
from engine.rt.transport import FRACTION

if TYPE_CHECKING:
    from engine.session import Session

PART_KEYS = (
    "name",
    "program",
    "bank",
    "sound",
    "low",
    "high",
    "midi_channel",
    "polyphony",
)
OF_TRANSPORT = (  # shown with it
    "beats_per_bar",
    "rolling",
    "sync_source",
    "jack_master",
    "clock_out",
    "midi_out_mode",
    "send_programs",
    "click",
    "click_gain_db",
)
CONTINUES = {
    "takeover": "When you stop, the ensemble plays on; it yields to your next key.",
    "trade": "You and the ensemble play in turns; it yields to your next key.",
    "accompany": "While you play, the ensemble plays the other parts.",
    "vary": "When you stop, the ensemble varies your last bars; it yields to your next key.",
}


def about(session: Session) -> dict[str, Any]:
    """The program, its address table, and what was last said to the player. [any]"""
    control = session.control
    return {
        "version": session.version(),
        "protocol": PROTOCOL,
        "revision": control.revision if control else 0,
        "osc_port": session.osc_port,
        "osc_host": control.host if control else "",
        "said": list(session.said),
    }


def ensemble(session: Session) -> dict[str, Any]:
    """The parts, the model, and all settings of both. [any]"""
    playing = session.ensemble
    return {
        "ensemble": playing.id,
        "ensemble_name": playing.name,
        "model": {
            "name": session.model.name,
            "sha256": session.model.sha256,
            "live_accuracy": [list(pair) for pair in session.model.live_accuracy],
        },
        "parts": [
            {
                **{key: getattr(part, key) for key in PART_KEYS},
                "voices": list(part.voices),
                **{name: part_setting(session, name, index) for name in PART_PARAMETERS},
                **_of_pad(session, index),
            }
            for index, part in enumerate(playing.parts)
        ],
        **{name: setting(session, name) for name in GLOBAL_PARAMETERS if _of_ensemble(name)},
    }


def part_setting(session: Session, name: str, part: int) -> float | str:
    """A part's setting, as a word where it is one. [any]"""
    value = session.get(name, part)
    return CHOICES[name][int(value)] if name in CHOICES else value


def _of_pad(session: Session, part: int) -> dict[str, float | str]:
    """The settings of a part's pad that are no parameters, by the end of their address."""
    pads = session.pads
    return {
        "morph/sound": pads.name(part),
        "morph/interpolation": pads.interpolation(part),
        "morph/record": pads.recording(part),
    }


def _of_ensemble(name: str) -> bool:
    return name not in OF_TRANSPORT and not name.startswith(PREFIX)


def device(session: Session) -> dict[str, Any]:
    """What is played through, and what is listened to. [any]"""
    device = session.device
    return {
        "device": {
            "description": device.description,
            "alive": bool(device.alive),
            "rate_hz": int(device.rate_hz),
            "block_frames": int(device.block_frames),
            "latency_ms": round(1000.0 * device.latency_frames / device.rate_hz, 2),
            "input_latency_ms": round(1000.0 * device.block_frames / device.rate_hz, 2),
        },
        "inputs": session.input_names(),
        "input_wanted": session.input_wanted,
    }


def ensembles() -> dict[str, Any]:
    """All ensembles with what there is to choose by, ready for JSON. [worker]"""
    keys = ("id", "name", "description", "tags", "model")
    return {
        "ensembles": [
            {**{key: getattr(e, key) for key in keys}, "parts": [part.name for part in e.parts]}
            for e in list_ensembles()
        ]
    }


def devices(session: Session) -> dict[str, Any]:
    """Sound devices, MIDI inputs and outputs there are, ready for JSON. [worker]"""
    from engine.commands.devices import look
    from engine.midi_outputs import output_names

    return {**look(session.output.list_sound_cards), "midi_outputs": output_names()}


def setting(session: Session, name: str) -> float | str:
    """A setting's value, as a word where it is one. [any]"""
    value = session.get(name)
    return CHOICES[name][int(value)] if name in CHOICES else value


def transport(session: Session) -> dict[str, Any]:
    """Where the clock is, who leads it, what goes out. [any]"""
    now, found = session.engine.transport(), session.sync.state()
    return {
        "transport": {
            **{name: setting(session, name) for name in OF_TRANSPORT},
            "tempo_bpm": round(now.tempo_bpm, 3),
            "frame": now.frame,
            "beat": round(now.beat, 4),
            "rolling": now.rolling,
            "locked": now.locked,
            **{key: found[key] for key in ("midi_out_port", "link_peers", "follow")},
        }
    }


def latency(session: Session) -> dict[str, Any]:
    """Every path's latency by cause, to the speaker. [any]"""
    rows = session.engine.latencies(session.device.latency_frames)
    return {"latency": [row.to_table() for row in rows]}


SECTIONS: dict[str, Callable[[Session], dict[str, Any]]] = {
    "about": about,
    "ensemble": ensemble,
    "device": device,
    "transport": transport,
    "continuation": lambda session: {"continuation": session.continuation.state()},
    "latency": latency,
    "chains": lambda session: {"chains": session.plugins.state()},
    "recorder": lambda session: {"recorder": session.recorder_state()},
    "learn": lambda session: {"learn": session.learn.state()},
    "rig": lambda session: {"rig": session.repertoire.state()},
    "morph": lambda session: {"morph": session.pads.state()},
}


def state(session: Session) -> dict[str, Any]:
    """All that can be set and all that is connected, ready for JSON. [any]"""
    whole: dict[str, Any] = {}
    for section in SECTIONS.values():
        whole |= section(session)
    return whole


def histograms(engine: Any) -> dict[str, Any]:
    """Delays by frame and callback loads by half percent: (bin, count) where any. [any]"""
    stats = engine.raw_counts()
    return {
        "rate_hz": engine.rate_hz,
        "delay_frames": _bins(stats["delay"]),
        "load_half_percent": _bins(stats["load"]),
    }


def _bins(counts: np.ndarray) -> list[list[int]]:
    return [[int(place), int(counts[place])] for place in np.flatnonzero(counts)]


def statistics(engine: Any) -> dict[str, Any]:
    """The engine's counts and measures, ready for JSON. [any]"""
    return {name: _plain(value) for name, value in asdict(engine.stats()).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        whole = value.dtype.kind in "iu"
        return [int(v) if whole else round(float(v), 5) for v in value]
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    return round(float(value), 4) if isinstance(value, float | np.floating) else int(value)


def osc_event(record: tuple, rate_hz: int) -> Event | None:
    """A result record as the OSC message of `engine.addresses.SENT`, if it is one. [any]"""
    frame, note, delay_frames, confidence, part, kind, a, b, c = record[:9]
    at = ("h", frame)
    if kind == NOTE_ON:
        values = (("i", note), ("i", part + 1), ("i", a), ("i", b), ("f", confidence))
        how = ("s", how_of(c))
        delay = ("f", 1000.0 * delay_frames / rate_hz)
        return Event("/ripieno/note_on", (*values, how, delay, at))
    if kind == NOTE_OFF:
        return Event("/ripieno/note_off", (("i", note), ("i", part + 1), ("i", a), ("i", b), at))
    if kind == MOVED:
        values = (("i", note), ("i", part + 1), ("i", c + 1), ("i", a), at)
        return Event("/ripieno/note_moved", values)
    if kind == TRANSPORT:
        beat, tempo_bpm = note + delay_frames / FRACTION, confidence
        return Event("/ripieno/transport_moved", (at, ("d", beat), ("f", tempo_bpm), ("i", a & 1)))
    if kind == FLOOR_MOVED:
        return Event("/ripieno/floor", (("s", FLOORS[min(a, len(FLOORS) - 1)]), at))
    return Event("/ripieno/panicked", (at,)) if kind == PANICKED else None


def introduction(session: Session) -> list[str]:
    """What a player wants to know at the start, in sentences. [main]"""
    parts = ", ".join(part.name for part in session.ensemble.parts)
    sentences = [
        f"{session.ensemble.name} ({parts}) through {session.device.description}.",
        f"Listening to {', '.join(session.input_names()) or session.missing_input()}.",
    ]
    if CHOICES["assigner"][int(session.get("assigner"))] == "network":
        accuracies = ", ".join(
            f"{window_ms:g} ms {percent:.1f} %"
            for window_ms, percent in session.model.live_accuracy
        )
        sentences.append(
            f"Chord window {session.get('chord_window_ms'):g} ms ([ and ] change it); "
            f"notes it gets right: {accuracies}."
        )
    if session.continuation.mode != "off":
        sentences.append(CONTINUES[session.continuation.mode])
    if session.control:
        control = session.control
        sentences.append(f"Remote control: OSC on {control.host}, port {session.osc_port}.")
        if control.exposed:
            sentences.append(
                f"Warning: anybody who reaches {control.host} can play with these settings; there "
                "is no password."
            )
    if session.settings.record:
        sentences.append(f"Takes are recorded in {session.takes_folder}.")
    return sentences


def summary(session: Session) -> list[str]:
    """What there is to say at the end, in sentences. [main]"""
    stats = session.engine.stats()
    delay_ms = stats.delay_ms
    lost = f", {stats.dropped_events} events dropped" if stats.dropped_events else ""
    notes = stats.notes_network + stats.notes_rule + stats.notes_hand
    sentences = [
        f"{notes} notes, delay {delay_ms['p50']:.1f}/"
        f"{delay_ms['p99']:.1f} ms (median/99 %), {stats.xruns} xruns{lost}."
    ]
    recorded = session.recorder_state()
    if recorded["folder"]:
        sentences.append(f"Recorded: {recorded['folder']}")
    if recorded["kept"]:
        sentences.append(f"Kept: {recorded['kept']}")
    return sentences
