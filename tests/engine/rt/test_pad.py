"""The pad: where the puck is, what weights that makes, and that a step is a step."""

from collections import namedtuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.morph_paths import Label
from engine.morph_plane import plane_of, weights_at
from engine.morph_sounds import Anchor, MorphSound, Point, Source
from engine.pad_records import pad_record
from engine.rt import layout
from engine.rt import pad_memory as pm
from engine.rt.pad import (
    advance_pad,
    pad_hears,
    pad_struck,
    pads_hear,
    set_pad,
    take_pad,
    weigh,
)
from engine.rt.rings import WRITE
from models.morph.voice_model import random_model

Rig = namedtuple(
    "Rig",
    "state stats parts transport pads pad_recorded morphs morph_parts results result_cursor",
    module=__name__,
)
RATE_HZ = 48000
BEAT = RATE_HZ // 2
STEP = pm.CONTROL_FRAMES
MODEL = random_model(5)
NAMES = MODEL.instruments
CORNERS = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def sound(places=CORNERS, **more):
    anchors = tuple(Anchor(NAMES[k], 0.5, *place) for k, place in enumerate(places))
    return MorphSound("s", "S", anchors=anchors, **more)


class Pad:
    """A rig with nothing but pads, looked at step by step."""

    def __init__(self, sound, labels=()):
        self.rig = Rig(
            state=np.zeros(1, layout.STATE),
            stats=np.zeros(1, layout.STATS),
            parts=np.zeros(layout.MAX_PARTS, layout.PART),
            transport=np.zeros(1, layout.TRANSPORT_STATE),
            pads=np.zeros(layout.MAX_PARTS, pm.PAD),
            pad_recorded=np.zeros((layout.MAX_PARTS, pm.PATH_POINTS, 2), np.float32),
            morphs=np.zeros(layout.MAX_MORPHS, layout.MORPH_ENTRY),
            morph_parts=np.zeros(layout.MAX_PARTS, layout.MORPH_PART),
            results=np.zeros(64, layout.RESULT),
            result_cursor=np.zeros(16, np.int64),
        )
        self.rig.state[0]["rate_hz"] = RATE_HZ
        self.rig.transport[0]["frames_per_beat"] = BEAT
        self.pad = self.rig.pads[0]
        self.pad["newest_frame"] = -1
        self.pad["bend"] = 8192
        self.give(sound, labels)

    def give(self, sound, labels=(), fresh=True):
        self.record = pad_record(sound, MODEL, labels, serial=1)
        self.set(pm.PAD_X, sound.puck.x)
        self.set(pm.PAD_Y, sound.puck.y)
        take_pad(self.rig, 0, self.record.ctypes.data, int(fresh))

    def set(self, parameter, value):
        set_pad(self.rig, parameter, 0, float(value))

    def go(self, steps=1):
        for _ in range(steps):
            advance_pad(self.rig, 0)
            self.rig.state[0]["frame"] += STEP

    @property
    def puck(self):
        return round(float(self.pad["x"]), 6), round(float(self.pad["y"]), 6)

    @property
    def weights(self):
        heard = self.rig.morphs[0]["weights"]
        assert heard.tolist() == self.pad["weights"].tolist(), "what the voices read"
        return heard.copy()


unit = st.floats(0, 1, width=32)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(unit, unit), min_size=1, max_size=8), unit, unit)
def test_the_callback_weighs_as_the_reference(places, x, y):
    far = [np.hypot(p[0] - q[0], p[1] - q[1]) for i, p in enumerate(places) for q in places[:i]]
    assume(all(d >= 0.01 for d in far))
    record = pad_record(sound(places), MODEL)
    weights = np.ones(pm.ANCHORS, np.float32)
    weigh(record[0], x, y, weights)
    wanted = weights_at(plane_of(places), x, y)
    np.testing.assert_allclose(weights[: len(places)], wanted, atol=1e-5)
    assert not weights[len(places) :].any()


def test_where_a_cell_weighs_nothing_the_nearest_edge_counts():
    record = pad_record(sound(((0.0, 0.0), (1.0, 0.0), (0.5, 0.0))), MODEL)
    record["cells"], record["cell_size"][0, 0], record["cell"][0, :3] = 1, 3, (0, 1, 2)
    weights = np.ones(pm.ANCHORS, np.float32)
    weigh(record[0], 0.75, 0.0, weights)
    assert weights.tolist() == [0, 0.5, 0.5, 0, 0, 0, 0, 0]


def test_a_part_without_a_sound_stays_as_it_is():
    pad = Pad(sound())
    pad.pad["sound"] = 0
    pad.set(pm.PAD_X, 1.0)
    pad.go(10)
    assert pad.puck == (0.5, 0.5)


def test_the_weights_follow_within_20_ms_half_of_the_way_in_two():
    pad = Pad(sound(puck=Point(0, 0)))
    pad.go()
    assert pad.weights.tolist() == [1, 0, 0, 0, 0, 0, 0, 0]
    pad.rig.parts[0]["sounding"] = 1
    pad.set(pm.PAD_X, 1.0)
    pad.go(2)
    assert 0.5 < pad.weights[1] < 0.7, "half way in 2 ms"
    pad.go(13)
    assert 0.9985 < pad.weights[1] < 0.9995
    pad.go(20)
    assert pad.weights.tolist() == [0, 1, 0, 0, 0, 0, 0, 0], "exactly, in the end"
    assert pad.weights.sum() == 1


def test_controllers_move_the_puck_whether_the_part_sounds_or_not():
    pad = Pad(
        sound(
            puck=Point(0, 1),
            sources=(Source("x", "cc", 1), Source("y", "cc", 2, low=0, high=-0.5)),
        )
    )
    pads_hear(pad.rig, 0xB3, 1, 127)
    pads_hear(pad.rig, 0xB3, 2, 127)
    pad.go()
    assert pad.puck == (1.0, 0.5)
    pad_hears(pad.rig, 0, 0xB0, 1, 0)
    pad.go()
    assert pad.puck == (0.0, 0.5)
    pad_hears(pad.rig, 1, 0xB0, 2, 0)
    pad.go()
    assert pad.puck == (0.0, 0.5), "another part's"


def test_aftertouch_is_the_hardest_of_channel_and_keys_and_ends_with_the_notes():
    pad = Pad(sound(puck=Point(0, 0), sources=(Source("x", "aftertouch"),)))
    pad.rig.parts[0]["sounding"] = 2
    pad_hears(pad.rig, 0, 0xD0, 64, 0)
    pad_hears(pad.rig, 0, 0xA0, 60, 100)
    pad.go()
    assert pad.puck[0] == pytest.approx(100 / 127, abs=1e-5)
    pad_struck(pad.rig, 0, 60, 80)
    pad.go()
    assert pad.puck[0] == pytest.approx(64 / 127, abs=1e-5)
    pad_hears(pad.rig, 0, 0xA0, 62, 127)
    pad.rig.parts[0]["sounding"] = 0
    pad.go()
    assert pad.puck[0] == pytest.approx(64 / 127, abs=1e-5)


def test_bend_velocity_and_key_move_the_puck():
    sources = (Source("x", "bend", low=-0.5, high=0.5), Source("y", "velocity"))
    pad = Pad(sound(puck=Point(0.5, 0), sources=sources))
    pad_hears(pad.rig, 0, 0xE0, 0x7F, 0x7F)
    pad_struck(pad.rig, 0, 60, 127)
    assert pad.puck == (1.0, 1.0), "at once, before the next look"
    assert pad.weights.tolist()[:4] == [0, 0, 1, 0]
    pad_hears(pad.rig, 0, 0xB0, 121, 0)
    pad.go()
    assert pad.puck[0] == pytest.approx(0.5, abs=1e-4)
    pad.give(sound(puck=Point(0, 0), sources=(Source("x", "key"),)))
    pad_struck(pad.rig, 0, 66, 10)
    assert pad.puck[0] == pytest.approx((66 - 24) / 84)


def test_a_note_among_others_moves_the_weights_gently():
    pad = Pad(sound(puck=Point(0, 0), sources=(Source("x", "velocity"),)))
    pad.go()
    pad.rig.parts[0]["sounding"] = 2
    pad_struck(pad.rig, 0, 60, 127)
    assert pad.weights[0] == 1
    pad.go(5)
    assert 0 < pad.weights[0] < 0.2


def test_an_envelope_rises_and_falls_after_the_newest_note():
    pad = Pad(
        sound(puck=Point(0, 0), sources=(Source("x", "envelope", attack_s=0.1, decay_s=0.4),))
    )
    pad.go(3)
    assert pad.puck[0] == 0
    pad_struck(pad.rig, 0, 60, 80)
    start = int(pad.rig.state[0]["frame"])
    heights = []
    for _ in range(480):
        pad.go()
        heights.append(pad.puck[0])
    top = int(np.argmax(heights))
    assert top * STEP / RATE_HZ == pytest.approx(0.1, abs=0.006)
    assert heights[top] > 0.95
    assert pad.puck[0] == 0
    pad.give(sound(puck=Point(0, 0), sources=(Source("x", "envelope", attack_s=0, decay_s=0),)))
    pad.go()
    assert pad.puck[0] == 1, f"no decay: it stays, {start}"


@pytest.mark.parametrize(
    ("shape", "quarter", "half"),
    [("sine", 0.5, 1.0), ("triangle", 0.5, 1.0), ("saw", 0.25, 0.5)],
)
def test_waves_begin_low_and_go_round_in_their_time(shape, quarter, half):
    source = Source("x", "lfo", shape=shape, period_s=STEP * 64 / RATE_HZ)
    pad = Pad(sound(puck=Point(0, 0), sources=(source,)))
    seen = []
    for _ in range(129):
        pad.go()
        seen.append(pad.puck[0])
    assert seen[0] == 0
    assert seen[16] == pytest.approx(quarter)
    assert seen[32] == pytest.approx(half)
    assert seen[64:128] == pytest.approx(seen[:64])


def test_random_waves_differ_by_part_and_source_and_have_no_jump():
    sources = tuple(Source(a, "lfo", shape="random", period_s=0.5) for a in ("x", "y"))
    runs = []
    for _ in range(2):
        pad = Pad(sound(puck=Point(0, 0), sources=sources))
        runs.append([])
        for _ in range(2400):
            pad.go()
            runs[-1].append(pad.puck)
    assert runs[0] == runs[1], "the same every time"
    x, y = np.array(runs[0]).T
    assert np.abs(np.diff(x)).max() < 0.02
    assert np.ptp(x) > 0.4
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.9


def test_waves_in_beats_are_the_transport_s_and_go_on_while_it_stands():
    source = Source("x", "lfo", shape="saw", period_beats=4)
    pad = Pad(sound(puck=Point(0, 0), sources=(source,)))
    pad.go(100)
    assert pad.puck[0] == pytest.approx(100 * STEP / BEAT / 4, abs=1e-5)
    transport = pad.rig.transport[0]
    transport["rolling"], transport["anchor_beat"] = 1, 2.0
    transport["anchor_frame"] = pad.rig.state[0]["frame"]
    pad.go()
    assert pad.puck[0] == pytest.approx(0.5)


def test_a_trajectory_plays_loops_or_ends_where_it_ends():
    points = ((0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (2.0, 1.0, 1.0))
    pad = Pad(sound(puck=Point(0.3, 0.3), trajectory=points))
    pad.go(10)
    assert pad.puck == (0.3, 0.3)
    pad.set(pm.PAD_LOOP, 1)
    pad.set(pm.PAD_PLAY, 1)
    second = RATE_HZ / STEP
    pad.go(round(0.5 * second))
    assert pad.puck[0] == pytest.approx(0.5, abs=0.01)
    pad.go(round(second))
    assert pad.puck == pytest.approx((1.0, 0.5), abs=0.01)
    pad.go(round(second))
    assert pad.puck == pytest.approx((0.5, 0.0), abs=0.01), "round again"
    pad.set(pm.PAD_LOOP, 0)
    pad.go(round(3 * second))
    assert pad.puck == (1.0, 1.0)
    pad.set(pm.PAD_PLAY, 0)
    pad.go()
    assert pad.puck == (0.3, 0.3)


def test_a_loop_in_beats_is_where_the_transport_says():
    points = ((0.0, 0.0, 0.0), (4.0, 1.0, 0.0))
    pad = Pad(sound(trajectory=points, trajectory_unit="beats"))
    pad.set(pm.PAD_LOOP, 1)
    pad.set(pm.PAD_PLAY, 1)
    transport = pad.rig.transport[0]
    transport["rolling"], transport["anchor_beat"] = 1, 7.0
    pad.go()
    assert pad.puck[0] == pytest.approx(0.75, abs=0.001)


def test_a_trajectory_in_steps_holds_each_point():
    points = ((0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (2.0, 0.0, 0.0))
    pad = Pad(sound(trajectory=points, interpolation="none"))
    pad.set(pm.PAD_PLAY, 1)
    seen = set()
    for _ in range(1440):
        pad.go()
        seen.add(pad.puck[0])
    assert seen == {0.0, 1.0}


def test_labels_of_a_file_move_the_weights_themselves():
    labels = [Label(k, NAMES[k % 4], 0.5) for k in range(5)]
    pad = Pad(sound(interpolation="linear"), labels)
    pad.set(pm.PAD_PLAY, 1)
    pad.go(round(2 * RATE_HZ / STEP))
    np.testing.assert_allclose(pad.weights[:4], [0, 0, 1, 0], atol=0.02)
    assert pad.puck == pytest.approx((1.0, 1.0), abs=0.02)
    assert pad.weights.sum() == pytest.approx(1)


def test_a_recording_tells_where_the_puck_was():
    pad = Pad(sound(puck=Point(0, 0.5)))
    pad.set(pm.PAD_RECORD, 1)
    for k in range(160):
        pad.set(pm.PAD_X, k / 159)
        pad.go()
    pad.set(pm.PAD_RECORD, 0)
    assert pad.pad["recorded"] == 10
    expected = [k / 159 for k in range(0, 160, pm.RECORD_EVERY)]
    np.testing.assert_allclose(pad.rig.pad_recorded[0, :10, 0], expected, atol=1e-6)
    assert pad.rig.result_cursor[WRITE] == 1
    result = pad.rig.results[0]
    assert (result["kind"], result["part"], result["note"]) == (layout.PAD_RECORDED, 0, 10)


def test_a_recording_that_is_full_ends_by_itself():
    pad = Pad(sound())
    pad.set(pm.PAD_RECORD, 1)
    pad.go(pm.RECORD_EVERY * pm.PATH_POINTS + 10)
    assert pad.pad["recording"] == 0
    assert pad.pad["recorded"] == pm.PATH_POINTS
    assert pad.rig.result_cursor[WRITE] == 1


def test_another_plane_under_held_notes_is_approached_gently():
    pad = Pad(sound(puck=Point(0, 0)))
    pad.go()
    pad.rig.parts[0]["sounding"] = 1
    first = pad.record
    pad.give(sound(puck=Point(1, 0)), fresh=False)
    assert first.ctypes.data != pad.record.ctypes.data
    assert pad.weights[0] == 1
    pad.go(4)
    assert 0.1 < pad.weights[0] < 0.2
    assert pad.pad["serial"] == 1
