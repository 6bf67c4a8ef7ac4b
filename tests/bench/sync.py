"""Clocks out and in, and Ableton Link: how evenly ticks leave, how soon a tempo is found.

Out: MIDI clock from the native callback to an independent JACK client, at three block sizes and
tempos whose tick is no whole number of frames; beside it the same clock sent by a thread through
python-rtmidi, as where there is no JACK. In: ticks with a jitter of 1 ms (normal), over tempos and
seeds, and changes of tempo; the error from two bars on. Changes of tempo in mid-phrase: notes that
wait for their beats, as an independent client of JACK hears them, and rendered under a clock with
jitter whose tempo changes; late is more than a frame off the transport's beat. Link: our beat
against that of another process, in a network of their own.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.bench.report import arguments, report
from tests.engine.rig_helpers import Saved, new_engine
from tests.link_peer import Peer, in_own_network
from tests.midi_ear import Heard, listening
from tests.servers import jack_server

RATE_HZ = 48000
BLOCKS = (64, 128, 512)
TEMPOS_BPM = (60.0, 97.3, 133.0, 200.0)
SEEDS = range(8)
IN_TEMPOS_BPM = (60, 90, 120, 160, 200)
CHANGES_BPM = ((120, 120.3), (120, 121), (90, 140), (200, 63))
TWO_BARS = 8 * 24
JITTER_FRAMES = 0.001 * RATE_HZ
SETTLE_S, LISTEN_S = 0.3, 3.0
PHRASE_NOTES, NOTE_BEATS, HELD_BEATS = 96, 0.25, 0.2
PHRASE_TEMPOS_BPM = (120.0, 61.7, 204.3, 88.8, 300.0, 132.1)  # each somewhere within the phrase
LOWEST_KEY, KEYS, QUANTUM = 30, 64, 64
CLOCK_BAR_FRAMES, TEMPO_BAR_BPM, LINK_BAR_MS = 1.0, 0.1, 1.0


def main() -> None:
    options = arguments(__doc__)
    out = [clock_out(block) for block in BLOCKS]
    by_thread = thread_out()
    found = tempo_found()
    phrases = [*(phrase_out(block) for block in BLOCKS), phrases_under_a_clock()]
    link = link_apart()
    rows = [row for rows in out for row in rows] + [by_thread, *found, *phrases, link]
    worst_sd = max(row["sd_frames"] for rows in out for row in rows)
    worst_off = max(row["worst_frames"] for rows in out for row in rows)
    worst_bpm = max(row["worst_bpm"] for row in found)
    reach = {
        "clock out, sd of a tick, frames": (worst_sd, "<= 1", worst_sd <= CLOCK_BAR_FRAMES),
        "clock out, worst tick, frames": (worst_off, "<= 1", worst_off <= CLOCK_BAR_FRAMES),
        "clock in, error after two bars, bpm": (worst_bpm, "<= 0.1", worst_bpm <= TEMPO_BAR_BPM),
        "tempo changes in mid-phrase, notes late": none(phrases, "late"),
        "tempo changes in mid-phrase, notes doubled or lost": none(phrases, "doubled_or_lost"),
        "Link, beats apart, 95 %, ms": (link["p95_ms"], "<= 1", link["p95_ms"] <= LINK_BAR_MS),
    }
    report("sync", rows, reach, options.json)


def none(rows: list[dict[str, Any]], column: str) -> tuple[int, str, bool]:
    """A claim that there was none of it in any row."""
    count = sum(row[column] for row in rows)
    return count, "0", count == 0


def clock_out(block_frames: int) -> list[dict[str, Any]]:
    """A row for each tempo: the ticks an independent client of JACK hears."""
    from engine.core import Engine
    from engine.jack import JackDevice

    rows = []
    with jack_server(block_frames, RATE_HZ) as server:
        engine, device = Engine(RATE_HZ), JackDevice("bench-sync")
        try:
            device.start(engine, midi_source="(no input)")
            for tempo_bpm in TEMPOS_BPM:
                engine.set("tempo_bpm", tempo_bpm)
                engine.set("clock_out", 1)
                with listening(server.env, "bench-sync:midi_out") as heard:
                    time.sleep(SETTLE_S)
                    engine.locate(0.0)
                    engine.set("rolling", 1)
                    time.sleep(LISTEN_S)
                    engine.set("rolling", 0)
                    time.sleep(SETTLE_S)
                rows.append(tick_row("native, JACK", block_frames, tempo_bpm, heard))
        finally:
            device.close()
            engine.close()
    return rows


def thread_out() -> dict[str, Any]:
    """The same through python-rtmidi, sent by a thread of the engine's process."""
    from engine import midi_outputs
    from engine.core import Engine
    from engine.silence import SilentDevice

    tempo_bpm = TEMPOS_BPM[1]
    midi_outputs.midi_systems = lambda: [midi_outputs.rtmidi.API_UNIX_JACK]
    with jack_server(BLOCKS[0], RATE_HZ) as server:
        engine, device = Engine(RATE_HZ), SilentDevice(RATE_HZ, 128)
        device.start(engine)
        outputs = midi_outputs.MidiOutputs(engine, "channels")
        try:
            engine.set("tempo_bpm", tempo_bpm)
            engine.set("clock_out", 1)
            (port,) = [name for name in server.ports() if name.endswith(":Ripieno")]
            with listening(server.env, port) as heard:
                time.sleep(SETTLE_S)
                engine.set("rolling", 1)
                time.sleep(LISTEN_S)
                engine.set("rolling", 0)
                time.sleep(SETTLE_S)
        finally:
            outputs.close()
            device.close()
            engine.close()
    return tick_row("thread, rtmidi", 128, tempo_bpm, heard)


def tick_row(way: str, block_frames: int, tempo_bpm: float, heard: Heard) -> dict[str, Any]:
    """How far the ticks between start and stop lie from where their tempo has them."""
    messages = [message for _, message in heard]
    begin, end = messages.index("fa"), messages.index("fc")
    ticks = np.array([frame for frame, message in heard[begin:end] if message == "f8"])
    period = 60.0 * RATE_HZ / tempo_bpm / 24
    off = ticks - ticks[0] - np.arange(len(ticks)) * period
    return {
        "what": f"clock out, {way}",
        "block": block_frames,
        "tempo_bpm": tempo_bpm,
        "ticks": len(ticks),
        "sd_frames": round(float(np.std(np.diff(ticks))), 3),
        "worst_frames": round(float(np.abs(off - np.median(off)).max()), 3),
    }


def tempo_found() -> list[dict[str, Any]]:
    """A row for steady tempos and one for each change: the worst error from two bars on."""
    engine = new_engine(fluid=False)
    saved = Saved(engine)
    rows = []
    for tempo_bpm in IN_TEMPOS_BPM:
        errors = [
            np.abs(follow(saved, [tempo_bpm] * (2 * TWO_BARS), seed)[TWO_BARS:] - tempo_bpm)
            for seed in SEEDS
        ]
        rows.append(found_row(f"{tempo_bpm}", errors))
    for before, after in CHANGES_BPM:
        wanted = [before] * 250 + [after] * (2 * TWO_BARS)
        errors = [np.abs(follow(saved, wanted, seed)[250 + TWO_BARS :] - after) for seed in SEEDS]
        rows.append(found_row(f"{before} to {after}", errors))
    engine.close()
    return rows


def follow(saved: Saved, tempos_bpm: list[float], seed: int) -> np.ndarray:
    """The tempo after each tick of a clock with these tempos and 1 ms of jitter."""
    engine = saved.restore()
    engine.set("sync_source", 2)
    periods = 60.0 * RATE_HZ / np.asarray(tempos_bpm) / 24
    exact = engine.frame + 2000 + np.cumsum(periods) - periods[0]
    frames = exact + np.random.default_rng(seed).normal(0, JITTER_FRAMES, len(exact))
    found = []
    for frame in np.sort(np.round(frames)).astype(int):
        engine.clock(b"\xf8", int(frame))
        engine.render(max(int(frame) - engine.frame + 1, 0), 256)
        found.append(engine.transport().tempo_bpm)
    return np.array(found)


def found_row(tempo: str, errors: list[np.ndarray]) -> dict[str, Any]:
    together = np.concatenate(errors)
    return {
        "what": f"clock in, {tempo} bpm, 1 ms jitter",
        "ticks": len(together),
        "rms_bpm": round(float(np.sqrt((together**2).mean())), 4),
        "worst_bpm": round(float(together.max()), 4),
    }


def phrase_out(block_frames: int) -> dict[str, Any]:
    """A phrase with changes of tempo between and under its notes, as another program hears it."""
    from engine.core import Engine
    from engine.ensembles import load_ensemble
    from engine.jack import JackDevice

    with jack_server(block_frames, RATE_HZ) as server:
        engine, device = Engine(RATE_HZ), JackDevice("bench-sync")
        try:
            engine.apply(load_ensemble("string_quartet"))
            engine.set("send_programs", 0)
            engine.set("clock_out", 1)
            device.start(engine, midi_source="(no input)")
            with listening(server.env, "bench-sync:midi_out") as heard:
                time.sleep(SETTLE_S)
                engine.locate(0.0)
                write_phrase(engine)
                begin = engine.now_frame() + RATE_HZ // 2
                line = tempo_line(begin)
                engine.set("rolling", 1, frame=begin)
                for frame, _, tempo_bpm in line:
                    engine.set("tempo_bpm", tempo_bpm, frame=frame)
                end = frame_of(line, PHRASE_NOTES * NOTE_BEATS) + RATE_HZ // 2
                while engine.frame < end:
                    time.sleep(0.01)
        finally:
            device.close()
            engine.close()
    start = next(frame for frame, message in heard if message == "fa")
    notes = [(frame - start + begin, m) for frame, m in heard if m[0] in "89"]
    ons = [(frame, int(m[2:4], 16)) for frame, m in notes if m[0] == "9" and m[4:] != "00"]
    offs = [(frame, int(m[2:4], 16)) for frame, m in notes if m[0] == "8" or m[4:] == "00"]
    wanted = [
        (frame_of(line, i * NOTE_BEATS), frame_of(line, i * NOTE_BEATS + HELD_BEATS))
        for i in range(PHRASE_NOTES)
    ]
    off_frames = [
        *(struck - due for (struck, _), (due, _) in zip(ons, wanted, strict=False)),
        *(ended - due for (ended, _), (_, due) in zip(offs, wanted, strict=False)),
    ]
    return {
        "what": f"phrase, {len(line)} tempos, JACK",
        "block": block_frames,
        **phrase_row([key for _, key in ons], [key for _, key in offs], off_frames),
    }


def phrases_under_a_clock() -> dict[str, Any]:
    """The same under a clock that comes in with jitter and changes its tempo, for each seed.

    The transport is asked every quantum where it is. A note must begin, and end, in a quantum at
    whose beginning its beat is still to come and at whose end it has come.
    """
    from engine.rt import layout

    engine = new_engine(fluid=False)
    saved = Saved(engine)
    rows = []
    for seed in SEEDS:
        engine = saved.restore()
        engine.set("sync_source", 2)
        engine.render(QUANTUM)
        tempos = np.repeat(PHRASE_TEMPOS_BPM, int(PHRASE_NOTES * NOTE_BEATS * 24 / 6))
        periods = 60.0 * RATE_HZ / tempos / 24
        exact = engine.frame + RATE_HZ // 4 + np.cumsum(periods) - periods[0]
        jitter = np.random.default_rng(seed).normal(0, JITTER_FRAMES, len(exact))
        engine.clock(b"\xfa", engine.frame)
        write_phrase(engine)
        engine.results()
        frames, beats, records = [engine.frame], [engine.transport().beat], []
        for frame in [*np.sort(np.round(exact + jitter)).astype(int), int(exact[-1]) + RATE_HZ]:
            engine.clock(b"\xf8", int(frame))
            while engine.frame <= frame:  # what is before the tick, and its own frame by itself
                engine.render(min(QUANTUM, int(frame) - engine.frame) or 1)
                frames.append(engine.frame)
                beats.append(engine.transport().beat)
                records.append(engine.results())
        told = np.concatenate(records)
        ons, offs = (told[told["kind"] == kind] for kind in (layout.NOTE_ON, layout.NOTE_OFF))
        off_frames = []
        for notes, later in ((ons, 0.0), (offs, HELD_BEATS)):
            for i, note in enumerate(notes[:PHRASE_NOTES]):
                frame, beat = int(note["frame"]), i * NOTE_BEATS + later
                before, after = (  # its quantum, and a frame more before it
                    int(np.searchsorted(frames, frame - 1, side="right")) - 1,
                    int(np.searchsorted(frames, frame, side="right")),
                )
                come = max(beats[after - 1 : after + 1])  # a tick in its frame may set it back
                off_beats = max(beats[before] - beat, beat - come, 0.0)
                off_frames.append(off_beats * 60.0 * RATE_HZ / PHRASE_TEMPOS_BPM[int(beat // 4)])
        rows.append(phrase_row(ons["a"].tolist(), offs["a"].tolist(), off_frames))
    engine.close()
    return {
        "what": f"phrases, {len(PHRASE_TEMPOS_BPM)} tempos, clock in, 1 ms jitter",
        **{key: sum(row[key] for row in rows) for key in ("notes", "late", "doubled_or_lost")},
        "worst_frames": max(row["worst_frames"] for row in rows),
    }


def write_phrase(engine: Any) -> None:
    """Have the notes of a phrase wait for their beats."""
    for i, key in enumerate(phrase_keys()):
        engine.part_midi_at_beat(0, bytes((0x90, key, 90)), i * NOTE_BEATS)
        engine.part_midi_at_beat(0, bytes((0x80, key, 64)), i * NOTE_BEATS + HELD_BEATS)


def phrase_keys() -> list[int]:
    """The keys of the phrase, no two neighbours alike."""
    return [LOWEST_KEY + i % KEYS for i in range(PHRASE_NOTES)]


def tempo_line(begin: int) -> list[tuple[int, float, float]]:
    """(frame, its beat, the tempo from there on), changes at frames that no note knows of."""
    beats = PHRASE_NOTES * NOTE_BEATS / len(PHRASE_TEMPOS_BPM)
    line = [(begin, 0.0, PHRASE_TEMPOS_BPM[0])]
    for number, tempo_bpm in enumerate(PHRASE_TEMPOS_BPM[1:], start=1):
        frame, beat, before_bpm = line[-1]
        frames = int((number * beats + 0.137 * number - beat) * 60.0 * RATE_HZ / before_bpm)
        line.append((frame + frames, beat + frames * before_bpm / 60.0 / RATE_HZ, tempo_bpm))
    return line


def frame_of(line: list[tuple[int, float, float]], beat: float) -> int:
    """The frame at which a beat falls."""
    frame, from_beat, tempo_bpm = [entry for entry in line if entry[1] <= beat + 1e-9][-1]
    return frame + round((beat - from_beat) * 60.0 * RATE_HZ / tempo_bpm)


def phrase_row(ons: list[int], offs: list[int], off_frames: Sequence[float]) -> dict[str, Any]:
    """What became of a phrase's notes; whatever is not the phrase is doubled or lost."""
    wanted = phrase_keys()
    wrong = 0
    for found in (ons, offs):
        wrong += abs(len(found) - len(wanted))
        wrong += sum(a != b for a, b in zip(found, wanted, strict=False))
    apart = np.abs(off_frames)
    return {
        "notes": len(ons),
        "late": int(np.count_nonzero(apart > CLOCK_BAR_FRAMES + 1e-6)),
        "doubled_or_lost": wrong,
        "worst_frames": round(float(apart.max()), 3) if len(apart) else 0.0,
    }


def link_apart() -> dict[str, Any]:
    """Our beat against another peer's, in a network of their own.

    A server that stands still for a moment is followed within 0.2 s: the worst reading tells of it.
    """
    done = subprocess.run(
        in_own_network([sys.executable, "-m", "tests.bench.sync", "link"]),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"no Link in a network of its own: {done.stderr}")
    apart = np.array(json.loads(done.stdout.splitlines()[-1]))
    return {
        "what": "Ableton Link, 97 bpm, two processes",
        "ticks": len(apart),
        "median_ms": round(float(np.median(apart)), 4),
        "p95_ms": round(float(np.percentile(np.abs(apart), 95)), 4),
        "worst_ms": round(float(np.abs(apart).max()), 4),
    }


def link_scene() -> None:
    """Within that network: follow a peer, print how far apart the beats are in ms."""
    from engine.jack import JackDevice
    from engine.sync import Sync

    with jack_server(128, RATE_HZ):
        engine, device = new_engine(fluid=False), JackDevice("bench-sync")
        device.start(engine, midi_source="(no input)")
        sync = Sync(engine, lambda: device)
        with Peer(97.0) as peer:
            sync.set_source("link")
            time.sleep(2.0)
            peer.play(True)  # who joins later is not started by what was before
            time.sleep(2.0)
            apart = peer.differences_ms(engine, 10.0, device.latency_frames)
        sync.close()
        device.close()
        engine.close()
    print(json.dumps(apart))


if __name__ == "__main__":
    if sys.argv[1:] == ["link"]:
        link_scene()
    else:
        main()
