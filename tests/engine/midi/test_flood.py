"""Ten thousand notes a second for ten seconds into the real engine, through an outlet."""

import numpy as np
import pytest

from engine.core import Engine
from engine.ensembles import load_ensemble
from engine.midi.outlet import Outlet
from engine.rt.layout import NOTE_OFF, NOTE_ON, QUANTUM

NOTES_PER_SECOND = 10_000
SECONDS = 10
RATE_HZ = 48_000


class Flood:
    """A player with twenty fingers who never stops, and an account of what sounds."""

    def __init__(self) -> None:
        self.engine = Engine(RATE_HZ)
        self.engine.apply(load_ensemble("satb_choir"))
        self.outlet = Outlet(self.engine)
        self.random = np.random.default_rng(5)
        self.down: list[int] = []
        self.sent = 0
        self.sounding: set[int] = set()
        self.heard = 0
        self.longest_delay_frames = 0

    def play(self, burst_frames: int) -> None:
        while self.engine.frame < SECONDS * RATE_HZ:
            due = (self.engine.frame + burst_frames) * NOTES_PER_SECOND // RATE_HZ
            for key in self.random.integers(30, 100, due - self.sent).tolist():
                self.outlet.send(bytes((0x90, key, 64)))
                self.down.append(key)
                if len(self.down) > 20:
                    self.outlet.send(bytes((0x80, self.down.pop(0), 64)))
            self.sent = due
            self.engine.render(burst_frames, 64)
            self.listen()
        for key in self.down:
            self.outlet.send(bytes((0x80, key, 64)))
        self.engine.render(4_800)
        self.outlet.flush()
        self.engine.render(4_800)
        self.listen()

    def listen(self) -> None:
        for record in self.engine.results().tolist():
            _, note, delay_frames, _, _, kind = record[:6]
            if kind == NOTE_ON:
                self.heard += 1
                self.sounding.add(note)
                self.longest_delay_frames = max(self.longest_delay_frames, delay_frames)
            elif kind == NOTE_OFF:
                self.sounding.remove(note)


@pytest.mark.slow
@pytest.mark.parametrize(("burst_frames", "drops"), [(128, False), (19_200, True)])
def test_a_flood_is_played_or_dropped_with_a_count_and_nothing_sticks(
    burst_frames: int, drops: bool
) -> None:
    flood = Flood()
    flood.play(burst_frames)
    stats = flood.engine.stats()
    held_by_engine = stats.held_notes
    flood.engine.close()
    assert flood.sent >= SECONDS * NOTES_PER_SECOND
    assert flood.heard + flood.outlet.refused_notes == flood.sent
    assert (flood.outlet.refused_notes > 0) is drops
    assert (stats.dropped_events > 0) is drops
    assert flood.longest_delay_frames <= 2 * QUANTUM
    assert not flood.sounding
    assert held_by_engine == flood.outlet.held_notes == flood.outlet.waiting == 0
