"""FluidSynth inside the stream: its grid, its calls in order, a stereo pair a part."""

# An intrinsic's first parameter is numba's own.
# pyright: reportCallIssue=false

import numpy as np
import pytest
from numba import carray, cfunc, types

from engine.fluidsynth import FluidSynth
from engine.rt import layout
from engine.rt.layout import QUANTUM
from engine.rt.native import as_pointer, rt, view_f32
from tests.engine.rig_helpers import (
    bend,
    controller,
    new_engine,
    note_off,
    note_on,
    note_ons,
    onset,
    play,
    stem,
)

ORGAN, PIANO, BRASS = 19, 0, 61
LATEST = 72  # frames: what is left of the grid's 64, and FluidSynth's own first samples

# A synth that writes down its calls. Its "address" is that of the log: the number of entries, the
# quanta computed, then (quantum, operation, channel, a, b) of each entry.
i32, i64 = types.int32, types.int64


@rt
def _write(address, op, channel, a, b):
    log = carray(as_pointer(address), 2, np.int64)
    row = carray(as_pointer(address + 8 * (2 + 5 * log[0])), 5, np.int64)
    row[0], row[1], row[2], row[3], row[4] = log[1], op, channel, a, b
    log[0] += 1
    return 0


@cfunc(i32(i64, i32, i32, i32))
def _fake_on(synth, channel, a, b):
    return _write(synth, layout.FLUID_NOTE_ON, channel, a, b)


@cfunc(i32(i64, i32, i32))
def _fake_off(synth, channel, a):
    return _write(synth, layout.FLUID_NOTE_OFF, channel, a, 0)


@cfunc(i32(i64, i32, i32, i32))
def _fake_cc(synth, channel, a, b):
    return _write(synth, layout.FLUID_CC, channel, a, b)


@cfunc(i32(i64, i32, i32))
def _fake_bend(synth, channel, a):
    return _write(synth, layout.FLUID_BEND, channel, a, 0)


@cfunc(i32(i64, i32, i32))
def _fake_pressure(synth, channel, a):
    return _write(synth, layout.FLUID_PRESSURE, channel, a, 0)


@cfunc(i32(i64, i32, i32, i32))
def _fake_key_pressure(synth, channel, a, b):
    return _write(synth, layout.FLUID_KEY_PRESSURE, channel, a, b)


@cfunc(i32(i64, i32, i32, i32, i32))
def _fake_program(synth, channel, font, bank, program):
    return _write(synth, layout.FLUID_PROGRAM, channel, bank, program)


@cfunc(i32(i64, i32))
def _fake_silence(synth, channel):
    return _write(synth, layout.FLUID_SOUNDS_OFF, channel, 0, 0)


@cfunc(i32(i64, i32, i32, i64, i32, i64))
def _fake_process(synth, frames, effects, effect_buffers, count, buffers):
    carray(as_pointer(synth), 2, np.int64)[1] += 1
    pointers = carray(as_pointer(buffers), count, np.int64)
    for i in range(count):
        view_f32(pointers[i], frames)[:] = (i + 1) * 0.001 if frames == 64 else 9.0
    return 0


FAKES = {
    layout.FLUID_NOTE_ON: _fake_on,
    layout.FLUID_NOTE_OFF: _fake_off,
    layout.FLUID_CC: _fake_cc,
    layout.FLUID_BEND: _fake_bend,
    layout.FLUID_PRESSURE: _fake_pressure,
    layout.FLUID_KEY_PRESSURE: _fake_key_pressure,
    layout.FLUID_PROGRAM: _fake_program,
    layout.FLUID_SOUNDS_OFF: _fake_silence,
    layout.FLUID_PROCESS: _fake_process,
}


def logged_engine(**settings):
    """An engine with the fake synth, and a function that returns its calls since the last time."""
    engine = new_engine(sound="soundfont", ready=False, **settings)
    log = np.zeros(2 + 5 * 20000, np.int64)
    for index, fake in FAKES.items():
        engine._rig.native[index] = fake.address
    engine._rig.state[0]["fluid"] = log.ctypes.data

    def calls():
        entries = log[2 : 2 + 5 * log[0]].reshape(-1, 5).tolist()
        log[0] = 0
        return [tuple(entry) for entry in entries]

    return engine, calls


@pytest.fixture(scope="module")
def quartet():
    engine = new_engine(
        sound="soundfont", fluid=True, programs=[ORGAN, PIANO, BRASS, ORGAN], ready=True
    )
    yield engine
    engine.close()


@pytest.fixture
def quiet(quartet):
    quartet.panic()
    while np.abs(quartet.render(6400)).max() > 1e-7:
        pass
    quartet.render(-quartet.frame % QUANTUM)
    quartet.results()
    quartet.reset_stats()
    return quartet


@pytest.mark.parametrize("block", [64, 1000])
@pytest.mark.parametrize("offset", [0, 1, 17, 31, 32, 62, 63])
def test_an_onset_is_heard_within_72_frames_wherever_it_falls(quiet, offset, block):
    audio = play(quiet, [(offset, note_on(72))], 1024, block)
    assert 0 <= onset(audio, 1e-6) - offset <= LATEST


def test_each_part_plays_its_own_program(quiet):
    """The stems are those of a synth that plays nothing else, but for FluidSynth's first 64."""
    keys = {0: 72, 1: 66, 2: 60, 3: 50}
    audio = play(quiet, [(0, note_on(key, 90)) for key in keys.values()], 6400, stems=True)
    for part, key in keys.items():
        synth = FluidSynth(quiet.soundfont, 48000, pairs=1)
        synth.select(0, 0, [ORGAN, PIANO, BRASS, ORGAN][part])
        alone = np.zeros((2, 6400), np.float32)
        synth.note(0, key, 90)
        synth.write(alone)
        synth.close()
        assert np.abs(alone).max() > 0.001
        np.testing.assert_allclose(stem(audio, part)[64:], alone.T[64:], atol=2e-6)


def test_nothing_leaks_into_another_stem(quiet):
    audio = play(quiet, [(0, note_on(60))], 6400, stems=True)
    assert np.abs(stem(audio, 2)).max() > 0.001
    for part in (0, 1, 3, 4, 15):
        assert np.abs(stem(audio, part)).max() == 0


def test_a_note_ends(quiet):
    audio = play(quiet, [(0, note_on(72)), (9600, note_off(72))], 48000)
    assert np.abs(audio[9000:9600]).max() > 0.001
    assert np.abs(audio[-4800:]).max() < 1e-5


def test_bends_reach_the_synth(quiet):
    def pitch(audio):
        spectrum = np.abs(np.fft.rfft(audio[9600:, 0] * np.hanning(38400), 8 * 38400))
        return np.argmax(spectrum)

    level = pitch(play(quiet, [(0, note_on(72))], 48000))
    bent = pitch(play(quiet, [(0, bend(16383))], 48000))
    assert bent / level == pytest.approx(2 ** (2 / 12), rel=0.01)


def test_controllers_reach_the_synth_also_before_the_note(quiet):
    loud = np.abs(play(quiet, [(0, note_on(72))], 9600)).max()
    quiet.panic()
    quiet.render(48000)
    soft = np.abs(play(quiet, [(0, controller(11, 30)), (64, note_on(72))], 9600)).max()
    assert 0.001 * loud < soft < 0.3 * loud


def test_calls_are_made_at_the_next_multiple_of_64_in_order():
    for block in (64, 33, 1000):
        engine, calls = logged_engine()
        engine.render(64 * 16)
        calls()
        for frame, message in (
            (10, note_on(72, 90)),
            (10, controller(1, 5)),
            (20, bend(9000)),
            (63, bytes((0xA0, 72, 44))),
            (64, bytes((0xD0, 33))),
            (65, note_off(72)),
        ):
            engine.midi(message, engine.frame + frame)
        engine.render(256, block)
        assert calls() == [
            (17, layout.FLUID_NOTE_ON, 0, 72, 90),
            (17, layout.FLUID_CC, 0, 1, 5),
            (17, layout.FLUID_BEND, 0, 9000, 0),
            (17, layout.FLUID_KEY_PRESSURE, 0, 72, 44),
            (17, layout.FLUID_PRESSURE, 0, 33, 0),
            (18, layout.FLUID_NOTE_OFF, 0, 72, 0),
        ]
        engine.close()


def test_an_ensemble_selects_its_programs_before_its_first_note():
    engine, calls = logged_engine(programs=[40, 41, 42, 43])
    engine.midi(note_on(72), 0)
    engine.render(128)
    programs = [(op, channel, b) for _, op, channel, _, b in calls()]
    assert programs[:4] == [(layout.FLUID_PROGRAM, part, 40 + part) for part in range(4)]
    assert programs[-1][0] == layout.FLUID_NOTE_ON
    engine.close()


def test_more_calls_than_fit_are_all_made_in_order():
    engine, calls = logged_engine()
    engine.render(64)
    calls()
    engine.part_midi(0, note_on(60), 64)
    for i in range(4000):
        assert engine.part_midi(0, controller(1, i % 128), 64)
    engine.render(32)
    for i in range(4000, 6000):
        assert engine.part_midi(0, controller(1, i % 128), 100)
    engine.part_midi(0, note_off(60), 100)
    engine.render(192)
    made = calls()
    assert made[0][1] == layout.FLUID_NOTE_ON
    assert [value for _, _, _, _, value in made[1:-1]] == [i % 128 for i in range(6000)]
    assert made[-1][1] == layout.FLUID_NOTE_OFF
    engine.close()


def test_every_pair_lands_in_its_parts_stem():
    engine, _ = logged_engine(parts=16)
    audio = engine.render(1024 + 64, 48, stems=True)[-64:]
    expected = np.arange(1, 33) * 0.001
    np.testing.assert_allclose(audio[:, 2:], np.tile(expected, (64, 1)), rtol=1e-5)
    engine.close()


def test_the_same_key_struck_again_ends_before_it_begins():
    engine, calls = logged_engine()
    engine.render(64)
    calls()
    play(engine, [(0, note_on(72)), (1, note_on(72, 50))], 256)
    assert [call[1:] for call in calls()] == [
        (layout.FLUID_NOTE_ON, 0, 72, 100),
        (layout.FLUID_NOTE_OFF, 0, 72, 0),
        (layout.FLUID_NOTE_ON, 0, 72, 50),
    ]
    engine.close()


def test_panic_silences_every_channel_in_use():
    engine, calls = logged_engine(parts=3)
    play(engine, [(0, note_on(72)), (0, bend(0)), (0, controller(64, 127))], 128)
    calls()
    engine.panic()
    engine.render(128)
    made = calls()
    assert made[0][1:] == (layout.FLUID_NOTE_OFF, 0, 72, 0)
    for part in range(3):
        assert (layout.FLUID_SOUNDS_OFF, part) in [call[1:3] for call in made]
        assert (layout.FLUID_CC, part, 64, 0) in [call[1:] for call in made]
    assert (layout.FLUID_BEND, 0, 8192, 0) in [call[1:] for call in made]
    assert not [call for call in made if call[2] > 2]
    engine.close()


def test_notes_are_reported_where_they_were_struck_not_where_the_grid_is():
    engine, _ = logged_engine()
    engine.render(64)
    engine.results()
    play(engine, [(5, note_on(72))], 128)
    records = note_ons(engine.results())
    assert records["frame"].tolist() == [69]
    assert records["delay_frames"].tolist() == [0]
    engine.close()
