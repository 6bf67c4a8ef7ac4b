"""Plugin chains as the callback runs them, with hosts that are threads of the test."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

import engine.chains
from engine.core import Engine
from engine.rt import layout, shared
from engine.rt.layout import MASTER_CHAIN, MAX_CHAINS, SEND_A_CHAIN, SEND_B_CHAIN
from tests.engine.fake_host import Delay, FakeHost, clicks, echo, invert
from tests.engine.rig_helpers import (
    bend,
    biggest_step,
    controller,
    ensemble_of,
    new_engine,
    note_off,
    note_on,
    of_kind,
    ones_bank,
    onset,
    play,
    sine_bank,
    stem,
)

LEAD = 256
SETTLED = 4096  # frames after which a chain is wet and every cross-fade over
LEVEL = (100 / 127) ** 2  # of a note
SINE_STEP = LEVEL * 2 * np.pi / 100 * 2  # of a sine of 50 samples


@pytest.fixture
def host():
    hosts = []

    def start(*arguments) -> FakeHost:
        hosts.append(FakeHost(*arguments))
        return hosts[-1]

    yield start
    for one in hosts:
        one.close()


@pytest.fixture
def engines():
    made = []

    def make(*arguments, **settings) -> Engine:
        made.append(new_engine(*arguments, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


def attach(engine: Engine, slot: int, host: FakeHost, **settings) -> FakeHost:
    settings.setdefault("lead_frames", LEAD)
    engine.attach_chain(slot, host.memory, **settings)
    return host


# What is heard


@pytest.mark.parametrize("latency", [0, 100])
def test_an_insert_is_heard_late_by_lead_and_latency_and_all_parts_with_it(host, engines, latency):
    def heard(chained: bool) -> np.ndarray:
        engine = engines(sine_bank(100))
        if chained:
            attach(engine, 0, host(Delay(latency)), latency_frames=latency)
        engine.render(SETTLED)
        audio = play(engine, [(0, note_on(72)), (0, note_on(50))], 4096, stems=True)
        assert not chained or engine.chain_stats(0).wet == 1.0
        return audio

    plain, chained = heard(False), heard(True)
    late = LEAD + latency
    np.testing.assert_array_equal(-stem(chained, 0)[late:], stem(plain, 0)[:-late])
    np.testing.assert_array_equal(stem(chained, 3)[late:], stem(plain, 3)[:-late])


def concert(host, engines, lead: int) -> tuple[Engine, list[FakeHost]]:
    """Inserts, an instrument, sends, the master, audio inputs: everything at once."""
    engine = engines(sine_bank(90, release_s=0.02), ready=False)
    hosts = [
        attach(engine, 0, host(Delay(70)), lead_frames=lead, latency_frames=70),
        attach(engine, 1, host(clicks), lead_frames=lead + 20, instrument=True),
        attach(engine, SEND_A_CHAIN, host(echo), lead_frames=lead),
        attach(engine, SEND_B_CHAIN, host(invert), lead_frames=lead + 64),
        attach(engine, MASTER_CHAIN, host(Delay(3)), lead_frames=lead, latency_frames=3),
    ]
    for part in range(4):
        engine.set("send_a", 0.2 * part, part)
        engine.set("send_b", 0.5, part)
    engine.set("return_a_db", -6)
    random = np.random.default_rng(5)
    for frame in random.integers(0, 12000, 60).tolist():
        pitch = 40 + frame % 40
        engine.midi(note_on(pitch, 20 + frame % 100), frame)
        engine.midi(note_off(pitch), frame + 700)
        engine.midi(controller(1, frame % 128), frame + 3)
        engine.set("send_a", frame % 10 / 10, frame % 4, frame + 9)
        engine.chain_event(0, shared.PARAMETER, 0, frame % 7, 0.5, frame + 11)
    engine.set_chain(0, lead_frames=lead + 200)
    return engine, hosts


@pytest.mark.parametrize("lead", [192, 300])
def test_the_samples_do_not_depend_on_the_blocks(host, engines, lead):
    """Hosts in time, any block: the same samples, the same events at the same frames."""
    frames = 14000
    incoming = np.random.default_rng(3).uniform(-0.1, 0.1, (frames, 4)).astype(np.float32)
    found = {}
    for block in (64, 32, 37, 100, 128, 333, 512):
        engine, hosts = concert(host, engines, lead)
        pieces, cut = [], (700, 1, 63, 2000)
        done = 0
        while done < frames:
            count = min(frames - done, cut[len(pieces) % 4] if block != 64 else frames)
            given = incoming[done : done + count]
            pieces.append(engine.render(count, block, True, given))
            done += count
        events = [np.array(one.events, shared.EVENT) for one in hosts]
        misses = [engine.chain_stats(slot).misses for slot in range(MAX_CHAINS)]
        assert not any(misses), f"block {block}"
        found[block] = np.concatenate(pieces), events
    audio, events = found[64]
    assert all(np.abs(audio[:, channel]).max() > 0.05 for channel in (0, 1, 2, 4, 6, 8))
    assert len(events[0]) == 60
    assert len(events[1]) > 60
    for block, (other, received) in found.items():
        np.testing.assert_array_equal(other, audio, err_msg=f"block {block}")
        for mine, theirs in zip(events, received, strict=True):
            np.testing.assert_array_equal(theirs, mine, err_msg=f"block {block}")


def test_nineteen_chains_at_once(host, engines):
    engine = engines(ones_bank(), parts=16)
    for slot in range(MAX_CHAINS):
        attach(engine, slot, host(invert), lead_frames=128 + 64 * slot)
    for part in range(16):
        engine.set("send_a", 0.5, part)
        engine.part_midi(part, note_on(60, 32))
    audio = engine.render(4 * SETTLED, stems=True)
    level = (32 / 127) ** 2
    np.testing.assert_allclose(audio[-1, 2:], -level, rtol=1e-5)
    assert [engine.chain_stats(slot).wet for slot in range(MAX_CHAINS)] == [1.0] * MAX_CHAINS
    parts = -16 * level
    wanted = np.float32(-(parts - 0.5 * parts))  # send A turns round, and so does the master
    from engine.rt.effects import limit

    np.testing.assert_allclose(audio[-1, :2], limit(wanted), rtol=1e-5)


def test_sends_are_heard_with_their_return_gain_and_only_through_a_chain(host, impatient, engines):
    engine = engines(ones_bank(), parts=2)
    level = (40 / 127) ** 2
    engine.part_midi(0, note_on(60, 40))
    engine.set("send_b", 0.5, 0)
    engine.set("return_b_db", -12)
    np.testing.assert_allclose(engine.render(SETTLED)[-1, 0], level, rtol=1e-5)
    sender = attach(engine, SEND_B_CHAIN, host(echo))
    wet = engine.render(SETTLED, stems=True)[-1]
    np.testing.assert_allclose(wet[0], level * (1 + 0.5 * 10 ** (-12 / 20)), rtol=1e-5)
    np.testing.assert_allclose(wet[2], level, rtol=1e-5)  # no stem hears a send
    sender.close()
    np.testing.assert_allclose(engine.render(SETTLED)[-1, 0], level, rtol=1e-5)  # and not dry


def test_audio_inputs_are_heard_as_late_as_the_parts(host, engines):
    engine = engines(ones_bank(), parts=1)
    given = np.zeros((SETTLED, 4), np.float32)
    given[100] = 0.1, 0.2, 0.3, 0.4
    engine.set("input_2_gain_db", -60)
    engine.render(2048)
    direct = engine.render(SETTLED, 50, inputs=given)
    np.testing.assert_array_equal(np.flatnonzero(direct[:, 0]), [100])
    np.testing.assert_allclose(direct[100], [0.1, 0.2])
    attach(engine, 0, host(invert))
    engine.render(SETTLED)
    late = engine.render(SETTLED, 50, inputs=given)
    np.testing.assert_allclose(late[100 + LEAD], [0.1, 0.2])
    assert np.count_nonzero(late[:, 0]) == 1


def test_the_click_is_as_late_as_the_parts(host, engines):
    engine = engines(parts=1)
    attach(engine, 0, host(invert))
    engine.render(SETTLED)
    start = engine.frame + 50
    engine.set("click", 2, frame=start)
    engine.set("rolling", 1, frame=start)
    assert onset(engine.render(2048, 100)) == 50 + LEAD + 1  # a sine begins with 0


# Late, hung and dead hosts


@pytest.fixture
def impatient(monkeypatch):
    """Offline streams hardly wait for a host that does nothing."""
    monkeypatch.setattr(engine.chains, "PATIENCE_S", 0.2)


def sounding(engines, host, work) -> tuple[Engine, FakeHost]:
    """A part that holds a sine through a chain that is heard."""
    engine = engines(sine_bank(100))
    chain = attach(engine, 0, host(work))
    play(engine, [(0, note_on(72))], SETTLED)
    chain.go_on()
    assert engine.chain_stats(0).wet == 1.0
    return engine, chain


@pytest.mark.parametrize("block", [32, 64, 100, 128])
def test_a_dead_host_is_bypassed_within_a_block_without_a_click(host, impatient, engines, block):
    engine, chain = sounding(engines, host, invert)
    chain.close()
    audio = stem(engine.render(2048, block, stems=True), 0)[:, 0]
    stats = engine.chain_stats(0)
    assert (stats.wet, stats.misses) == (0.0, 1)
    assert stats.dry_frames >= 2048 - LEAD
    assert biggest_step(audio) <= SINE_STEP + 2 * LEVEL / 64
    # what was processed was heard; 64 frames later all is dry, and as late as it was
    again = engines(sine_bank(100))
    plain = play(again, [(0, note_on(72))], SETTLED + 2048, stems=True)
    late = stem(plain, 0)[SETTLED - LEAD : -LEAD, 0]
    np.testing.assert_array_equal(audio[LEAD:], late[LEAD:])
    np.testing.assert_array_equal(audio[: LEAD - 64 - block], -late[: LEAD - 64 - block])


def test_a_stream_does_not_wait_for_a_dead_host_that_is_taken_out(host, engines):
    """It would for ten seconds; here somebody else takes it out while the stream waits."""
    engine, chain = sounding(engines, host, invert)
    chain.close()
    engine.render(64)  # the host has more to do now, and never will
    taking_out = threading.Timer(0.2, engine.detach_chain, (0,))
    taking_out.start()
    began_s = time.monotonic()
    engine.render(2048)
    assert time.monotonic() - began_s < 5.0
    taking_out.join()
    engine.render(2048)
    assert engine.chain_is_free(0)


def test_a_miss_of_a_chain_that_changes_nothing_cannot_be_heard(host, impatient, engines):
    engine, chain = sounding(engines, host, echo)
    again = engines(sine_bank(100))
    plain = stem(play(again, [(0, note_on(72))], SETTLED + 40000, stems=True), 0)
    chain.paused.set()
    pieces = [engine.render(3000, stems=True)]
    assert engine.chain_stats(0).wet == 0.0
    chain.go_on()
    pieces.append(engine.render(37000, stems=True))
    assert engine.chain_stats(0).wet == 1.0
    found = stem(np.concatenate(pieces), 0)
    np.testing.assert_allclose(found, plain[SETTLED - LEAD : -LEAD], atol=1e-6)


def test_it_comes_back_when_its_host_does_and_misses_are_counted(host, impatient, engines):
    engine, chain = sounding(engines, host, invert)
    for miss in (1, 2, 3):
        chain.paused.set()
        dry = stem(engine.render(40000, stems=True), 0)[:, 0]  # longer than the rings
        assert engine.chain_stats(0).misses == miss
        chain.go_on()
        wet = stem(engine.render(SETTLED, stems=True), 0)[:, 0]
        assert engine.chain_stats(0).wet == 1.0
        assert biggest_step(np.concatenate([dry, wet])) <= SINE_STEP + 2 * LEVEL / 64


def test_the_first_miss_is_short_and_those_that_follow_it_are_not(host, impatient, engines):
    engine, chain = sounding(engines, host, invert)

    def miss() -> int:
        """Let it miss once; frames until it is heard again."""
        missed, frames = engine.chain_stats(0).misses, 0
        chain.paused.set()
        while engine.chain_stats(0).misses == missed:
            engine.render(64)
        chain.go_on()
        wet, before = engine.chain_stats(0).wet, 1.0
        while wet <= before:
            engine.render(64)
            frames += 64
            wet, before = engine.chain_stats(0).wet, wet
        engine.render(1024)
        return frames

    assert [miss() for _ in range(4)] == [256, 512, 1024, 2048]
    engine.render(2 * 48000)
    assert miss() == 256


def test_bypass_is_no_miss(host, engines):
    engine, _ = sounding(engines, host, invert)
    engine.set_chain(0, bypass=True)
    off = stem(engine.render(640, stems=True), 0)
    assert engine.chain_stats(0).wet == 0.0
    engine.set_chain(0, bypass=False)
    on = stem(engine.render(SETTLED, stems=True), 0)
    stats = engine.chain_stats(0)
    assert (stats.wet, stats.misses, stats.dry_frames) == (1.0, 0, 0)
    assert biggest_step(np.concatenate([off, on])) <= SINE_STEP + 2 * LEVEL / 64


@pytest.mark.parametrize("lead", [128, 320, 1000])
def test_a_change_of_lead_cross_fades(host, engines, lead):
    engine, _ = sounding(engines, host, invert)
    other = engines(sine_bank(100))
    plain = play(other, [(0, note_on(72))], 2 * SETTLED, stems=True)
    engine.set_chain(0, lead_frames=lead)
    audio = stem(engine.render(SETTLED, stems=True), 0)
    assert biggest_step(audio) <= SINE_STEP + 2 * LEVEL / 960
    assert engine.chain_stats(0).misses == 0
    late = stem(plain, 0)[SETTLED - lead : -lead]
    np.testing.assert_array_equal(audio[3000:], -late[3000:])


def test_coming_and_going_are_cross_fades(host, engines):
    engine = engines(sine_bank(100))
    pieces = [play(engine, [(0, note_on(72)), (0, note_on(50))], 640, stems=True)]
    attach(engine, 0, host(echo))
    pieces.append(engine.render(SETTLED, stems=True))
    attach(engine, 0, host(echo))  # instead of the first
    pieces.append(engine.render(SETTLED, stems=True))
    engine.detach_chain(0)
    pieces.append(engine.render(SETTLED, stems=True))
    audio = np.concatenate(pieces)[20:]
    assert biggest_step(stem(audio, 0)) <= SINE_STEP + 2 * LEVEL / 960
    assert biggest_step(stem(audio, 3)) <= SINE_STEP + 2 * LEVEL / 960
    assert engine._rig.state[0]["chains_on"] == 0  # and it costs nothing any more
    other = engines(sine_bank(100))
    plain = play(other, [(0, note_on(72)), (0, note_on(50))], len(audio) + 20, stems=True)
    np.testing.assert_array_equal(audio[-1000:], plain[-1000:])


def test_a_chain_that_is_expected_back_keeps_its_delay(host, impatient, engines):
    engine = engines(sine_bank(100))
    chain = attach(engine, 0, host(invert))
    engine.render(SETTLED)
    pieces = [play(engine, [(0, note_on(72)), (0, note_on(50))], 2048, stems=True)]
    chain.close()
    pieces.append(engine.render(640, stems=True))
    engine.detach_chain(0, keep_delay_s=0.5)
    pieces.append(engine.render(10000, stems=True))
    attach(engine, 0, host(invert))
    pieces.append(engine.render(20000, stems=True))
    audio = np.concatenate(pieces)
    assert engine.chain_stats(0).wet == 1.0
    other = engines(sine_bank(100))
    other.render(SETTLED)
    plain = play(other, [(0, note_on(72)), (0, note_on(50))], len(audio), stems=True)
    np.testing.assert_array_equal(stem(audio, 3)[LEAD:], stem(plain, 3)[:-LEAD])
    np.testing.assert_array_equal(
        np.abs(stem(audio, 0)[6000:12000]), np.abs(stem(plain, 0)[6000 - LEAD : 12000 - LEAD])
    )
    engine.detach_chain(0, keep_delay_s=0.5)
    engine.render(23900)
    assert engine.lags_frames[0] == LEAD
    engine.render(300)
    assert engine.lags_frames[0] == 0
    attach(engine, 0, host(invert))
    engine.render(SETTLED)
    engine.detach_chain(0, keep_delay_s=0.5)
    engine.render(640)
    engine.detach_chain(0)  # it is not expected any more
    engine.render(128)
    assert engine.lags_frames[0] == 0


def test_what_is_no_sound_is_not_heard(host, engines):
    def poison(audio, frame, events):
        made = -audio
        made[:, 3], made[0, 9], made[1, 20] = np.nan, np.inf, 1e9
        return made

    engine, _ = sounding(engines, host, poison)
    audio = engine.render(6400, stems=True)
    assert np.all(np.isfinite(audio))
    assert np.abs(audio).max() <= 1.0
    assert engine.chain_stats(0).wrong_samples > 100


def test_a_host_that_writes_nonsense_harms_nothing(engines):
    """Every word of the header and every event a host could spoil, over and over."""
    from engine.chain_memory import ChainMemory

    random = np.random.default_rng(1)
    engine = engines(sine_bank(100))
    memories = [ChainMemory.create(48000) for _ in range(3)]
    engine.begin(64, False)  # in real time: nobody waits for a host
    for slot, memory in enumerate(memories):
        engine.attach_chain(slot, memory, instrument=slot == 1, lead_frames=LEAD)
        memory.unlink()
    for round_ in range(300):
        for memory in memories:
            word = int(random.integers(0, shared.HEADER_WORDS))
            value = int(random.choice([-1, 0, 1 << 62, -(1 << 62), round_ * 64, 1 << 20]))
            memory.header[word] = value
            memory.output[...] = random.choice([np.nan, 1.0, -1e30])
        audio = play(engine, [(0, note_on(40 + round_ % 50))], 100, 33, stems=True)
        assert np.all(np.isfinite(audio))
        assert np.abs(audio[:, :2]).max() <= 1.0
        engine.results()


# Instruments


def played(chain: FakeHost) -> list[tuple[int, ...]]:
    """(frame, status, data1, data2) of every message a host was sent."""
    messages = [e for e in chain.events if e["kind"] == shared.MIDI_MESSAGE]
    return [(int(e["frame"]), *(int(b) for b in e["data"])) for e in messages]


def instrument(engines, host, **settings) -> tuple[Engine, FakeHost, int]:
    """An engine whose one part is a plugin; its host; the frame of the stream that is its first."""
    engine = engines(ones_bank(release_s=0.01), parts=1, **settings)
    chain = attach(engine, 0, host(clicks), instrument=True)
    origin = engine.frame
    engine.render(SETTLED)
    chain.events.clear()
    return engine, chain, origin


def test_an_instrument_plays_a_note_at_its_frame(host, engines):
    engine, _, _ = instrument(engines, host)
    audio = play(engine, [(37, note_on(60, 64)), (1000, note_off(60))], 2048, 50, stems=True)
    heard = stem(audio, 0)[:, 0]
    assert np.flatnonzero(heard).tolist() == [37 + LEAD, 1000 + LEAD]
    np.testing.assert_allclose(heard[[37 + LEAD, 1000 + LEAD]], [0.5, -1 / 128])


def test_expression_is_the_instruments_own(host, engines):
    engine, chain, _ = instrument(engines, host)
    engine.part_midi(0, controller(11, 30))
    engine.render(2048)
    assert [m[1:] for m in played(chain)] == [(0xB0, 11, 30)]
    engine.part_midi(0, note_on(60, 64))
    audio = engine.render(640, stems=True)
    np.testing.assert_allclose(stem(audio, 0)[LEAD], 0.5)
    engine.detach_chain(0)
    engine.render(2048)
    engine.part_midi(0, note_on(62, 64))
    quiet = engine.render(SETTLED, stems=True)
    level = (64 / 127) ** 2 * (30 / 127) ** 2
    np.testing.assert_allclose(stem(quiet, 0)[-1], level, rtol=1e-4)


def test_everything_a_part_is_told_reaches_its_instrument_at_its_frame(host, engines):
    engine, chain, origin = instrument(engines, host)
    start = engine.frame - origin
    sent = [
        (5, note_on(60, 64)),
        (70, bend(9000)),
        (131, controller(1, 99)),
        (200, controller(64, 127)),
        (201, note_off(60)),
        (333, bytes((0xD0, 55))),
        (400, controller(64, 0)),
    ]
    play(engine, sent, 1024, 100)
    assert played(chain) == [
        (start + 5, 0x90, 60, 64),
        (start + 70, 0xE0, *divmod(9000, 128)[::-1]),
        (start + 131, 0xB0, 1, 99),
        (start + 200, 0xB0, 64, 127),
        (start + 333, 0xD0, 55, 0),
        (start + 400, 0x80, 60, 64),  # the pedal had kept it
        (start + 400, 0xB0, 64, 0),
    ]


def test_panic_reaches_instruments_and_effects(host, engines):
    engine, chain, origin = instrument(engines, host)
    effect = attach(engine, MASTER_CHAIN, host(echo))
    play(engine, [(0, note_on(60)), (0, controller(64, 127))], SETTLED)
    chain.events.clear()
    start = engine.frame - origin
    engine.panic()
    audio = engine.render(640)
    messages = played(chain)
    assert messages[0] == (start, 0x80, 60, 64)
    assert [m[1:] for m in messages[1:4]] == [(0xB0, 64, 0), (0xB0, 120, 0), (0xB0, 123, 0)]
    assert {m[0] for m in messages[:4]} == {start}
    assert [m[1:] for m in played(effect)] == [(0xB0, 64, 0), (0xB0, 120, 0), (0xB0, 123, 0)]
    assert np.abs(audio[64:]).max() <= 1 / 128  # the note-off's own click


@pytest.mark.parametrize("controller_number", [120, 123])
def test_an_instrument_is_told_to_be_silent(host, engines, controller_number):
    engine, chain, origin = instrument(engines, host)
    start = engine.frame - origin
    sent = [(0, controller(64, 100)), (1, note_on(60)), (99, controller(controller_number, 0))]
    play(engine, sent, 1024)
    assert played(chain)[2:] == [
        (start + 99, 0x80, 60, 64),
        (start + 99, 0xB0, 64, 0),
        (start + 99, 0xB0, controller_number, 0),
    ]


def test_a_pedal_that_goes_up_is_told_to_parts_that_are_silent(host, engines):
    engine, chain, origin = instrument(engines, host)
    start = engine.frame - origin
    sent = [(0, note_on(60)), (1, controller(64, 100)), (2, note_off(60)), (99, controller(64, 0))]
    play(engine, sent, 1024)
    assert played(chain)[2:] == [(start + 99, 0x80, 60, 64), (start + 99, 0xB0, 64, 0)]


def test_a_new_instrument_learns_what_its_part_was_told(host, engines):
    engine = engines(parts=1)
    engine.part_midi(0, controller(7, 80))
    engine.part_midi(0, controller(1, 33))
    engine.part_midi(0, bend(100))
    engine.render(64)
    chain = attach(engine, 0, host(clicks), instrument=True)
    engine.render(SETTLED)
    messages = played(chain)
    assert {m[0] for m in messages} == {0}
    told = {m[1:] for m in messages}
    assert {(0xB0, 7, 80), (0xB0, 1, 33), (0xB0, 11, 127), (0xE0, 100, 0)} <= told


def test_without_its_host_a_part_plays_its_own_sound_and_notes_keep_their_place(
    host, impatient, engines
):
    engine, chain, _ = instrument(engines, host)
    play(engine, [(0, note_on(60, 64))], 640)
    chain.paused.set()
    engine.render(640)
    assert engine.chain_stats(0).wet == 0.0
    chain.events.clear()
    dark = stem(play(engine, [(0, note_off(60)), (10, note_on(64, 64))], 1280, stems=True), 0)
    level = (64 / 127) ** 2
    assert onset(dark) == 10 + LEAD + 1  # as late as the instrument would have been
    np.testing.assert_allclose(dark[-1], level, rtol=1e-4)
    chain.go_on()
    engine.render(SETTLED)
    assert engine.chain_stats(0).wet == 1.0
    assert [m[1:] for m in played(chain)] == [(0x80, 60, 64)]  # what it missed
    back = stem(play(engine, [(0, note_on(67)), (10, note_off(64))], SETTLED, stems=True), 0)
    np.testing.assert_allclose(back[LEAD + 9], level, rtol=1e-4)  # held on, until its own end
    assert np.all(back[2 * LEAD + 800 :] == 0)
    assert [m[1:3] for m in played(chain)][1:] == [(0x90, 67)]


def test_an_instrument_that_could_not_be_told_everything_hangs_no_note(host, impatient, engines):
    engine, chain, _ = instrument(engines, host)
    play(engine, [(0, note_on(60))], 640)
    chain.paused.set()
    for round_ in range(40):
        play(engine, [(i, controller(1, (i + round_) % 128)) for i in range(100)], 128)
    play(engine, [(0, note_off(60))], 64)
    assert engine.chain_stats(0).events_lost > 1000
    chain.events.clear()
    chain.go_on()
    engine.render(SETTLED)
    chain.go_on()
    assert (0xB0, 123, 0) in [m[1:] for m in played(chain)]


def test_a_parameter_acts_at_its_frame_also_before_the_chain_begins(host, engines):
    engine = engines()
    engine.render(30)  # off the grid: the chain begins later
    chain = attach(engine, 2, host(echo))
    engine.chain_event(2, shared.BYPASS, 3, 0, 1.0)
    engine.chain_event(2, shared.PARAMETER, 1, 70000, 0.25)
    origin = engine.frame + 34
    engine.chain_event(2, shared.PARAMETER, 0, 5, 0.75, origin + 1001)
    engine.render(SETTLED, 100)
    found = [
        (int(e["frame"]), int(e["kind"]), int(e["data"][0]), int(e["index"]), float(e["value"]))
        for e in chain.events
    ]
    assert found == [
        (0, shared.BYPASS, 3, 0, 1.0),
        (0, shared.PARAMETER, 1, 70000, 0.25),
        (1001, shared.PARAMETER, 0, 5, 0.75),
    ]


# Memory


def maps() -> int:
    """How many chains' memories this process has mapped."""
    return Path("/proc/self/maps").read_text().count("ripieno-chain-")


def test_memory_lives_until_the_callback_has_let_go_of_it(host, impatient, engines):
    before = maps()
    engine, chain = sounding(engines, host, invert)
    chain.close()
    chain.memory.close()  # whoever made it is done with it
    assert maps() == before + 1
    engine.detach_chain(0)
    assert not engine.chain_is_free(0)
    records = []
    while not engine.chain_is_free(0):
        assert maps() == before + 1
        engine.render(32)
        records.extend(of_kind(engine.results(), layout.CHAIN_FREED))
    assert [(r["a"], r["part"]) for r in records] == [(0, -1)]
    assert maps() == before
    engine.render(SETTLED)


def test_chains_replaced_before_they_began_are_freed_too(host, impatient, engines):
    before = maps()
    engine = engines()
    for _ in range(3):
        chain = attach(engine, 5, host(echo))
        chain.close()
        chain.memory.close()
    engine.render(64)
    engine.detach_chain(5)
    engine.render(SETTLED)
    freed = of_kind(engine.results(), layout.CHAIN_FREED)
    assert freed["note"].tolist() == [1, 2, 3]
    assert engine.chain_is_free(5)
    assert maps() == before


def test_the_engine_lets_go_when_it_is_closed(host, impatient):
    before = maps()
    engine = new_engine()
    chain = attach(engine, 0, host(echo))
    engine.render(SETTLED)
    chain.close()
    chain.memory.close()
    engine.close()
    del engine, chain
    assert maps() == before


def test_an_ensemble_may_change_under_its_chains(host, engines):
    engine, _ = sounding(engines, host, echo)
    engine.apply(ensemble_of(2, assigner="zones"))
    engine.render(SETTLED)
    engine.apply(ensemble_of(6, assigner="zones"))
    audio = play(engine, [(0, note_on(72))], SETTLED, stems=True)
    assert np.abs(audio).max() > 0
    assert engine.chain_stats(0).wet == 1.0


# Offline and in real time


def test_a_stream_in_real_time_never_waits(host, impatient, engines):
    engine, chain = sounding(engines, host, echo)
    chain.paused.set()
    engine.begin(64, False)
    start_s = time.monotonic()
    engine.render(48000)
    assert time.monotonic() - start_s < 1.0
    assert engine.chain_stats(0).wet == 0.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"slot": 19}, "slot must be 0 to 18"),
        ({"lead_frames": 127}, "lead_frames must be 128 to 8128"),
        ({"lead_frames": 8000, "latency_frames": 200}, "latency_frames must be 0 to 128"),
        ({"slot": 16, "instrument": True}, "an instrument needs the slot of a part"),
    ],
)
def test_wrong_values_are_named(host, engines, settings, message):
    given = {"slot": 0, "lead_frames": LEAD} | settings
    engine, chain = engines(), host(echo)
    with pytest.raises(ValueError, match=message):
        engine.attach_chain(given.pop("slot"), chain.memory, **given)


def test_memory_belongs_to_one_chain_of_the_right_rate(host, engines):
    engine = engines()
    chain = attach(engine, 0, host(echo))
    engine.render(640)
    with pytest.raises(ValueError, match="never been attached"):
        attach(engine, 1, chain)
    with pytest.raises(ValueError, match="rate must be 48000 Hz, got 44100"):
        attach(engine, 1, host(echo, 44100))
    with pytest.raises(ValueError, match="slot 7 has no chain"):
        engine.set_chain(7, bypass=True)
