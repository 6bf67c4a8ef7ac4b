"""The ensemble playing on: how soon it takes over, how soon it yields, whether it ever stumbles.

- live: on a jackd of its own (dummy driver, -S), block 128, while a thread of the engine's process
  wants the interpreter's lock all the time. A scripted player plays phrases of a chorale, stops,
  and returns in the middle of what the ensemble answers; takeovers by command and by silence take
  turns. Everything is measured in frames, from what the callback wrote down. Before and after,
  the player plays alike without a worker.
- killed: meanwhile the worker is killed in the middle of a phrase, several times.
- for long: half an hour of music in which the ensemble is not interrupted but for a phrase each two
  minutes, several times faster than it would be heard; the worker re-bases its memory on the way.

`first note scheduled`: from the trigger to the callback holding a note whose beat is to come.
`planned`: from the player's note to a plan made for it, in the memory the callback reads.
`waiting`: the ensemble has the floor and nobody has planned yet what comes now: the beat has passed
that up to which the plan is whole, as it lay in the memory then. Beside it, what is music and no
waiting: the longest time from one onset to the next (chords are held), and in which nothing sounds.
"""

from __future__ import annotations

import itertools
import math
import os
import time
from typing import Any

import numpy as np

from engine.continuation.manager import READY, Continuation
from engine.continuation.memory import plan_memory as pm
from engine.realtime import audio_priority
from tests.bench import planning
from tests.bench.pauses import Pauses
from tests.bench.processes import finish, hog_interpreter, start
from tests.bench.report import arguments, report
from tests.servers import jack_server

RATE_HZ, BLOCK_FRAMES = 48000, 128
TEMPO_BPM = 120.0
BEAT_FRAMES = int(60.0 * RATE_HZ / TEMPO_BPM)
ROUNDS, KILLS = 60, 4
PHRASE_BEATS, ANSWER_BEATS, REST_BEATS = 3.0, 3.0, 0.5
QUIET_ROUNDS = 8  # without a worker, before and after
LONG_MINUTES, FASTER, LONG_PHRASE_S = 30.0, 5.0, 120.0
SCHEDULED_P50_MS, SCHEDULED_P99_MS = 5.0, 60.0
KILLED_WAIT_S, SILENCE_S, ONSETS_BEATS = 1.0, 2.0, 4.0
PLANNED_P90_MS = 15.0
READY_S, LONGEST_S = 300.0, 3600.0
MISSED_POINTS = 0.1
RETURN_KEY = 72


def main() -> None:
    options = arguments(__doc__, seconds=60.0 * LONG_MINUTES)
    share = min(1.0, options.seconds / (60.0 * LONG_MINUTES))  # of the rounds as well
    rounds, kills = math.ceil(ROUNDS * share), math.ceil(KILLS * share)
    with jack_server(BLOCK_FRAMES, RATE_HZ) as server:
        live = call_long(run_live, server.env, rounds=rounds, kills=kills)
    rows = [live["row"], live["without"], live["killed"]]
    long = call_long(run_long, server.env, minutes=options.seconds / 60.0)
    rows.append(long)
    late = live["row"]["late"] + long["late"]
    notes = live["row"]["played"] + long["played"]
    missed = live["row"]["missed_%"] - live["without"]["missed_%"]
    reach = {
        "first note scheduled, p50, ms": bar(live["row"]["scheduled_p50_ms"], SCHEDULED_P50_MS),
        "first note scheduled, p99, ms": bar(live["row"]["scheduled_p99_ms"], SCHEDULED_P99_MS),
        "heard to planned, p90, ms": bar(live["row"]["planned_p90_ms"], PLANNED_P90_MS),
        "yield, p99, blocks": bar(live["row"]["yield_p99_blocks"], 1),
        "notes of the plan, live and for long": (notes, ">= 5000", notes >= 5000),
        "late among them": bar_zero(late),
        f"{long['what']}: times without a plan": bar_zero(long["starved"]),
        f"{long['what']}: longest wait for a plan, s": bar(long["longest_wait_s"], 0.0),
        f"{long['what']}: longest silence, s": bar(long["longest_silence_s"], SILENCE_S),
        f"{long['what']}: longest from onset to onset, beats": bar(
            long["onsets_apart_beats"], ONSETS_BEATS
        ),
        "missed cycles more than without a worker, points": bar(missed, MISSED_POINTS),
        "killed: longest wait for a plan, s": bar(live["killed"]["longest_wait_s"], KILLED_WAIT_S),
        "killed: longest silence, s": bar(live["killed"]["longest_silence_s"], SILENCE_S),
        "killed: another worker plans after, s": bar(live["killed"]["ready_s"], KILLED_WAIT_S),
        "killed: notes cut, late or hanging": bar_zero(live["killed"]["wrong"]),
    }
    report("takeover", rows, reach, options.json)


def bar(value: float, limit: float) -> tuple[float, str, bool]:
    return value, f"<= {limit:g}", value <= limit


def bar_zero(value: float) -> tuple[float, str, bool]:
    return value, "0", value == 0


def call_long(function: Any, env: dict[str, str], **arguments: Any) -> Any:
    return finish(start(function, env, **arguments), LONGEST_S)


def run_live(rounds: int, kills: int) -> dict[str, Any]:
    """Play on a device with the interpreter hogged."""
    from engine.jack import JackDevice

    device = JackDevice("bench-takeover")
    engine, continuation = _engine(device.rate_hz)
    device.start(engine)
    continuation.tend()  # as a session does: the worker's priority is the audio thread's less two
    rest = hog_interpreter()
    try:
        player = Player(engine, continuation)
        before = player.measure(QUIET_ROUNDS, answered=False)
        continuation.set("silence_beats", REST_BEATS)
        continuation.set("mode", "takeover")
        _wait_ready(continuation)
        player.round(0, answered=True)  # not counted
        path = str(continuation.memory.path)
        watching = start(
            planning.watch,
            dict(os.environ),
            path=path,
            block_frames=BLOCK_FRAMES,
            priority=max(audio_priority() - 1, 0),  # just above the worker's
        )
        row = player.measure(rounds, answered=True)
        row |= finish(watching)
        killed = player.measure_kills(kills)
        continuation.set("mode", "off")
        continuation.close()
        after = player.measure(QUIET_ROUNDS, answered=False)
    finally:
        rest.set()
        device.close()
        continuation.close()
        engine.close()
    quiet = {"what": "without a worker"}
    for name in ("missed_%", "load_p50_%", "load_p99_%"):
        quiet[name] = (before[name] + after[name]) / 2.0
    return {
        "row": {"what": "live", **row},
        "without": quiet,
        "killed": {"what": "killed", **killed},
    }


class Player:
    """Plays phrases of the chorale at frames to come, and reads what the callback wrote down."""

    def __init__(self, engine: Any, continuation: Continuation) -> None:
        self.engine = engine
        self.memory = continuation.memory
        self.continuation = continuation
        self.phrases = _phrases()
        self.place = self.memory.acquire(pm.HEARD_WRITE)
        self.records = np.zeros(0, pm.HEARD_RECORD)
        self.holds = False  # the key with which he returns
        self.pauses = Pauses(self.memory, TEMPO_BPM)

    def round(self, number: int, answered: bool) -> dict[str, Any]:
        """Play one phrase; if it is to be answered, the next one comes into the answer."""
        engine = self.engine
        begin = engine.frame + BEAT_FRAMES // 2
        last = self._play(self.phrases[number % len(self.phrases)], begin)
        trigger = last + int(REST_BEATS * BEAT_FRAMES)
        if answered and number % 2:
            trigger = last + BEAT_FRAMES // 4  # before silence would do it
            engine.take_over(trigger)
        back = trigger + int((ANSWER_BEATS + number % 7 / 7.0) * BEAT_FRAMES) + 37 * number % 128
        engine.midi(bytes((0x90, RETURN_KEY, 80)), back)
        self.holds = True  # until the next phrase: no silence in between
        self._until(back + BEAT_FRAMES // 2)
        return {"trigger": trigger, "back": back, **self._read()}

    def measure(self, rounds: int, answered: bool) -> dict[str, Any]:
        """Figures of so many rounds."""
        header = self.memory.header
        before = {name: int(header[getattr(pm, name)]) for name in ("LATE", "PLAYED_NOTES")}
        self.engine.reset_stats()
        found = [self.round(number, answered) for number in range(rounds)]
        stats = self.engine.stats()
        cycles = max(stats.cycles, 1)
        row: dict[str, Any] = {
            "rounds": rounds,
            "missed_%": 100.0 * stats.missed_cycles / cycles,
            "load_p50_%": stats.load_percent["p50"],
            "load_p99_%": stats.load_percent["p99"],
        }
        if not answered:
            return row
        scheduled = [r["scheduled_ms"] for r in found if r["scheduled_ms"] is not None]
        sounded = [r["sounded_ms"] for r in found if r["sounded_ms"] is not None]
        yields = [r["yield_blocks"] for r in found if r["yield_blocks"] is not None]
        return row | {
            "takeovers": sum(r["took"] for r in found),
            "scheduled_p50_ms": _percentile(scheduled, 50, rounds),
            "scheduled_p99_ms": _percentile(scheduled, 99, rounds),
            "sounded_p50_ms": _percentile(sounded, 50, rounds),
            "sounded_p99_ms": _percentile(sounded, 99, rounds),
            "yield_p99_blocks": _percentile(yields, 99, rounds),
            "played": int(header[pm.PLAYED_NOTES]) - before["PLAYED_NOTES"],
            "late": int(header[pm.LATE]) - before["LATE"],
            "hanging": sum(r["hanging"] for r in found),
            **self.pauses.figures(),
        }

    def measure_kills(self, kills: int) -> dict[str, Any]:
        """Kill the worker while the ensemble plays; what is heard of that."""
        ready_s, wrong, played = [], 0, 0
        late = int(self.memory.header[pm.LATE])
        self.pauses = Pauses(self.memory, TEMPO_BPM)
        for number in range(kills):
            last = self._play(self.phrases[number], self.engine.frame + BEAT_FRAMES // 2)
            self._until(last + 3 * BEAT_FRAMES)
            killed_s, killed_at = time.monotonic(), self.engine.frame
            self.continuation.kill_worker()
            while self.continuation.state()["worker"]["state"] == READY:
                time.sleep(0.001)
            _wait_ready(self.continuation)
            ready_s.append(time.monotonic() - killed_s)
            self._until(killed_at + 12 * BEAT_FRAMES)
            notes = self.records[self.records["kind"] == pm.PLAYED]
            played += int(np.count_nonzero(notes["frame"] > killed_at - 2 * BEAT_FRAMES))
            wrong += int(np.count_nonzero(self.records["kind"] == pm.STOPPED))
            self.engine.yield_floor()
            self._until(self.engine.frame + BEAT_FRAMES)
            wrong += self._read()["hanging"]
        return {
            "rounds": kills,
            "played": played,
            **self.pauses.figures(),
            "ready_s": max(ready_s),
            "wrong": wrong + int(self.memory.header[pm.LATE]) - late,
        }

    def _play(self, phrase: np.ndarray, begin: int) -> int:
        """Push (start, end, pitch, velocity) notes; the frame of the last key's release."""
        last = begin
        if self.holds:
            self.engine.midi(bytes((0x80, RETURN_KEY, 64)), begin + int(phrase[0][0]) + 480)
            self.holds = False
        for on, off, pitch, velocity in phrase.tolist():
            self.engine.midi(bytes((0x90, int(pitch), int(velocity))), begin + int(on))
            self.engine.midi(bytes((0x80, int(pitch), 64)), begin + int(off))
            last = max(last, begin + int(off))
        return last

    def _until(self, frame: int) -> None:
        """Wait for a frame, and collect what the callback writes down."""
        while self.engine.frame < frame:
            time.sleep(0.01)
            self.engine.results()
            self.pauses.look()
            new, self.place = self.memory.heard_since(self.place)
            self.records = np.concatenate([self.records, new])

    def _read(self) -> dict[str, Any]:
        """What the records of a round say; they are done with then."""
        records, self.records = self.records, self.records[:0]
        floors = records[records["kind"] == pm.FLOOR_IS]
        took = floors[floors["part"] == pm.ENSEMBLE]["frame"]
        gave = floors[floors["part"] == pm.PLAYER]["frame"]
        played = records[records["kind"] == pm.PLAYED]
        strikes = records[records["kind"] == pm.NOTE_ON]["frame"]
        header = self.memory.header
        found: dict[str, Any] = {
            "took": len(took),
            "hanging": 0,
            "scheduled_ms": None,
            "sounded_ms": None,
            "yield_blocks": None,
        }
        if len(took) and len(played):
            found["scheduled_ms"] = 1000.0 * int(header[pm.SCHEDULED_FRAMES]) / RATE_HZ
            found["sounded_ms"] = 1000.0 * int(header[pm.SOUNDED_FRAMES]) / RATE_HZ
        if len(took) and len(gave):
            late = [
                abs(int(gave[gave >= frame][0]) - int(strikes[strikes >= frame][0]))
                for frame in took
                if np.any(gave >= frame) and np.any(strikes >= frame)
            ]
            found["yield_blocks"] = max(late, default=0) / BLOCK_FRAMES
            ended = {int(r["id"]) for r in records[records["kind"] == pm.STOPPED]}
            end = int(gave[-1])
            for note in played:
                planned = int(note["frame"]) + float(note["duration"]) * BEAT_FRAMES
                found["hanging"] += int(planned > end + 1 and int(note["id"]) not in ended)
        return found


def run_long(minutes: float) -> dict[str, Any]:
    """So many minutes of its playing, faster than they are heard, with the worker beside."""
    engine, continuation = _engine(RATE_HZ)
    memory, phrases = continuation.memory, _phrases()
    continuation.set("mode", "takeover")
    continuation.set("silence_beats", REST_BEATS)
    engine.render(BLOCK_FRAMES, BLOCK_FRAMES)
    _wait_ready(continuation)
    frames = int(minutes * 60 * RATE_HZ)
    pauses = Pauses(memory, TEMPO_BPM)
    first = next_phrase = engine.frame
    number, began_s = 0, time.monotonic()
    try:
        while engine.frame - first < frames:
            if engine.frame >= next_phrase:
                for on, off, pitch, velocity in phrases[number % len(phrases)].tolist():
                    engine.midi(bytes((0x90, int(pitch), int(velocity))), engine.frame + int(on))
                    engine.midi(bytes((0x80, int(pitch), 64)), engine.frame + int(off))
                number += 1
                next_phrase += int(LONG_PHRASE_S * RATE_HZ)
            due = first + int((time.monotonic() - began_s) * FASTER * RATE_HZ)
            if engine.frame >= due:
                time.sleep(0.002)
                continue
            engine.render(min(due - engine.frame, RATE_HZ // 10), BLOCK_FRAMES)
            engine.results()
            pauses.look()
        took_s = time.monotonic() - began_s
    finally:
        continuation.close()
        engine.close()
    return {
        "what": f"{minutes:g} minutes",
        "rounds": number,
        "takeovers": int(memory.header[pm.TAKEOVERS]),
        "played": int(memory.header[pm.PLAYED_NOTES]),
        "late": int(memory.header[pm.LATE]),
        "starved": int(memory.header[pm.STARVED]),
        **pauses.figures(),
        "times_real_time": frames / RATE_HZ / took_s,
    }


def _percentile(values: list[float], percent: float, wanted: int) -> float:
    """A percentile of what was measured; what never came counts as infinite."""
    padded = [*values, *[np.inf] * max(wanted - len(values), 0)]
    return float(np.percentile(padded, percent, method="higher"))


def _phrases() -> list[np.ndarray]:
    """Pieces of the demo's chorale as hands play them, (start, end, pitch, velocity) in frames."""
    from engine.demo import PIECE
    from engine.midi.files import read_midi
    from engine.paths import presets_folder
    from engine.playing import LEAD_IN_S, perform

    score = read_midi(presets_folder() / "demo" / PIECE)
    found = []
    for seed in range(4):
        notes = perform(score, seed)
        starts = score.tempo.to_seconds(np.arange(0, 40, PHRASE_BEATS)) + LEAD_IN_S
        for begin_s, end_s in itertools.pairwise(starts):
            rate = RATE_HZ * 60.0 / TEMPO_BPM / (end_s - begin_s) * PHRASE_BEATS
            rows = [
                ((n.start_s - begin_s) * rate, (n.end_s - begin_s) * rate, n.pitch, n.velocity)
                for n in notes
                if begin_s <= n.start_s < end_s - 0.05
            ]
            found.append(np.array(rows))
    return found


def _engine(rate_hz: int) -> tuple[Any, Continuation]:
    """An engine of a quartet with the worker that ships."""
    from engine.ensembles import load_ensemble
    from engine.offline import new_engine

    engine = new_engine(load_ensemble("string_quartet"), rate_hz, 0.0, None)
    continuation = Continuation(engine, lambda sentence: None)
    engine.set("tempo_bpm", TEMPO_BPM)
    return engine, continuation


def _wait_ready(continuation: Continuation) -> None:
    until_s = time.monotonic() + READY_S
    while continuation.state()["worker"]["state"] != READY:
        if time.monotonic() > until_s:
            raise RuntimeError(f"the worker is not ready: {continuation.state()['worker']}")
        time.sleep(0.02)


if __name__ == "__main__":
    main()
