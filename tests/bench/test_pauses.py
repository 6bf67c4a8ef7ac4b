"""A wait for the plan, a written rest and a held chord are told apart."""

import pytest

from tests.bench.pauses import Pauses
from tests.engine.continuation.plan_helpers import BEAT, RATE_HZ, floor_engine, write_plan
from tests.engine.rig_helpers import note_off, note_on

NOTES = [(0.5, 1, 60, 3.0), (4.5, 1, 62, 0.5), (6.0, 1, 64, 0.5)]  # held 3, rests 1 and 1 beats


@pytest.mark.parametrize("until", [8.0, 6.5], ids=["planned in time", "planned late"])
def test_waits_rests_and_holds(until: float) -> None:
    engine, memory = floor_engine(parts=2)
    engine.midi(note_on(48))
    engine.render(1200)
    engine.midi(note_off(48))
    engine.render(1200)
    begin = 0.25
    pauses = Pauses(memory, 120.0)
    write_plan(memory, [(begin + beat, *rest) for beat, *rest in NOTES], begin, begin + until)
    engine.take_over(engine.frame)
    first = engine.frame
    late_beats = None
    while engine.frame < first + 9 * BEAT:
        engine.render(64)
        pauses.look()
        now_beat = memory.now()[2]
        if late_beats is None and now_beat >= begin + 7.0:
            late_beats = max(0.0, now_beat - begin - until)
            write_plan(memory, [(begin + 7.5, 1, 65, 1.5)], begin + 7.25, begin + 16.0)
    found = pauses.figures()
    assert late_beats is not None
    assert (late_beats > 0) == (until == 6.5)
    assert found["longest_wait_s"] == pytest.approx(late_beats / 2, abs=3 * 64 / RATE_HZ)
    assert found["onsets_apart_beats"] == pytest.approx(4.0, abs=0.01)
    assert found["longest_silence_s"] == pytest.approx(0.5, abs=0.01)
    engine.close()


def test_what_the_player_does_is_no_pause() -> None:
    engine, memory = floor_engine(parts=2)
    pauses = Pauses(memory, 120.0)
    engine.midi(note_on(48))
    engine.render(4 * BEAT)
    pauses.look()
    engine.midi(note_off(48))
    engine.render(BEAT // 8)
    pauses.look()
    assert set(pauses.longest.values()) == {0}
    engine.close()
