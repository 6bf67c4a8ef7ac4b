"""A stream's cache after any history is that of a fresh prefill; time and notes never run out."""

import numpy as np
import pytest

from models.mmt.decoder import Decoder
from models.mmt.drawing import FREE, Taste, limits
from models.mmt.representation import TICKS, check_order, decode, with_advances
from models.mmt.shape import Shape
from models.mmt.stream import NEAR_ROWS, Stream
from tests.models.mmt.helpers import KINDS, decoder, each_kind

LONG_AGO = -(1 << 40)
KIND = KINDS[3]  # heads in turn, rotary
ENSEMBLE = [1, 25, 27]
VOICES = [(code, 36, 96, LONG_AGO, -1, n) for n, code in enumerate((1, 1, 25, 27))]


def settle(stream: Stream) -> None:
    while stream.work():
        pass
    assert stream.ready


def assert_as_fresh(stream: Stream) -> None:
    """The serving cache tells what follows as a fresh one does that heard the same rows."""
    settle(stream)
    served = stream._front.decoder
    rows = served.rows[: served.count]
    check_order(rows)
    fresh = served.twin()
    fresh.feed(rows)
    for mine, other in ((served, fresh), (fresh, served)):
        np.testing.assert_allclose(
            mine.state.hidden[mine._slice_row],
            other.state.hidden[other._slice_row],
            rtol=1e-5,
            atol=1e-5,
        )


def draw_some(stream: Stream, count: int, earliest: int, seed: int = 0) -> list:
    """Draw notes, each voice busy until its last has ended; return them."""
    random = np.random.default_rng(seed)
    wanted = limits(Taste(), np.array(VOICES, np.int64))
    drawn = []
    while len(drawn) < count:
        settle(stream)
        note = stream.draw(wanted, earliest, random)
        if note is None:
            earliest += 1
            continue
        drawn.append(note)
        earliest = note.tick
        voices = wanted.voices
        free = (voices[:, 0] == note.instrument) & (voices[:, FREE] <= note.tick)
        voices[np.flatnonzero(free)[0], FREE] = note.tick + note.length
    return drawn


@each_kind
def test_any_history_is_as_a_fresh_prefill(shape: Shape):
    stream = Stream(decoder(shape), ENSEMBLE)
    held = []
    for beat in range(10):
        for key in (64, 40, 52):  # not in the order of the rows
            held.append(stream.add(TICKS * beat, key + beat % 3, 12, 1))
            stream.work()
    assert_as_fresh(stream)
    draw_some(stream, 12, 10 * TICKS)
    stream.drop_plan(tick=11 * TICKS)
    assert_as_fresh(stream)
    stream.lengthen(held[-2], 48)
    stream.reassign(held[-1], 25)
    stream.add(9 * TICKS + 3, 70, 3, 27)
    assert_as_fresh(stream)
    stream.drop_plan()
    assert all(note.heard for note in stream.notes)
    assert_as_fresh(stream)
    assert stream.renewals == stream.overflows == 0


def test_sorted_insertion_is_a_sorted_prefill():
    shape = decoder(KIND).shape
    notes = [(t, k, 6, p) for t in range(0, 200, 6) for k, p in ((41, 1), (57, 25), (76, 27))]
    ordered, mixed = Stream(decoder(shape), ENSEMBLE), Stream(decoder(shape), ENSEMBLE)
    random = np.random.default_rng(1)
    for note in notes:
        ordered.add(*note)
    mixed.add(*notes[0])
    for i in random.permutation(np.arange(1, len(notes))):
        mixed.add(*notes[int(i)])
        mixed.work()
    settle(ordered)
    settle(mixed)
    one, two = ordered._front.decoder, mixed._front.decoder
    assert one.count == two.count == len(notes) + 5
    np.testing.assert_array_equal(one.rows[: one.count], two.rows[: two.count])
    assert_as_fresh(mixed)


def test_going_back_feeds_only_what_changed(monkeypatch):
    fed = []
    feed = Decoder.feed_slice
    monkeypatch.setattr(
        Decoder, "feed_slice", lambda self, rows: (fed.append(len(rows)), feed(self, rows))
    )
    stream = Stream(decoder(KIND), ENSEMBLE)
    for k in range(60):
        stream.add(6 * k, 60, 6, 1)
    notes = [*stream.notes]
    settle(stream)
    fed.clear()
    stream.lengthen(notes[-4], 12)
    settle(stream)
    assert sum(fed) == 4
    fed.clear()
    stream.lengthen(notes[-NEAR_ROWS - 1], 12)  # too far back to be worth it
    settle(stream)
    assert not fed
    assert notes[-NEAR_ROWS - 1].length == 12


def test_a_note_that_is_there_is_not_added_again():
    stream = Stream(decoder(KIND), ENSEMBLE)
    assert stream.add(5, 60, 6, 1)
    assert stream.add(5, 60, 9, 1) is None
    assert stream.add(5, 60, 6, 25)


@each_kind
def test_it_runs_on_through_every_renewal(shape: Shape):
    """Rows and beats stay within bounds; every note drawn comes later than the one before."""
    stream = Stream(decoder(shape), ENSEMBLE, memory_beats=16)
    start = 1000 * TICKS
    stream.add(start, 60, 6, 1)
    last = start
    for _ in range(6):
        for note in draw_some(stream, 40, last):
            assert note.tick >= last
            last = note.tick
        for note in stream.notes:
            note.heard = True
        assert_as_fresh(stream)
        assert stream._front.decoder.count <= shape.rows
    assert stream.renewals >= 3
    assert stream.overflows == 0
    remembered = stream.notes[-1].at - stream.notes[0].at
    assert remembered <= (16 + 4 + 1) * TICKS + 12 * TICKS


def test_a_renewed_cache_knows_the_remembered_beats():
    stream = Stream(decoder(KIND), ENSEMBLE, memory_beats=8)
    for beat in range(64):
        stream.add(TICKS * beat, 60 + beat % 5, 12, 1)
        settle(stream)
    assert stream.renewals > 0
    rows = stream._front.decoder.rows[: stream._front.decoder.count]
    assert rows[:, 1].max() <= 8 + 4 + 8
    assert len(stream.notes) >= 8
    advances = with_advances(rows)
    assert (advances[6:, 1] == 2).all()


def test_notes_come_and_go_while_the_next_cache_is_fed():
    """Before what it is to remember, and within: nothing of that is lost, nothing else stays."""
    stream = Stream(decoder(KIND), ENSEMBLE, memory_beats=8)
    for k in range(40):
        stream.add(6 * k, 60 + k % 5, 6, 1)
        stream.work()
        if stream.work() and stream._renewing:
            break
    assert stream._renewing
    first = stream._back.first
    assert first > 4
    kept = stream.notes[first:]
    for note in stream.notes[1:3]:
        stream.drop(note)
    for tick in (1, 2, 3, 4, 5):
        stream.add(tick, 70, 3, 25)
    stream.drop(kept.pop(3))
    added = stream.add(kept[3].tick + 1, 71, 3, 25)
    assert added
    kept.insert(4, added)
    settle(stream)
    assert stream.renewals == 1
    assert stream.notes == kept
    served = stream._front
    rows = served.decoder.rows[served.head : served.decoder.count]
    assert (decode(rows)[:, 0] + served.base == [note.at for note in kept]).all()
    assert (decode(rows)[:, 1] == [note.key for note in kept]).all()
    assert_as_fresh(stream)


def test_a_flood_of_notes_is_survived():
    stream = Stream(decoder(KIND), ENSEMBLE)
    for k in range(400):
        stream.add(k, 30 + k % 60, 6, 1)
    assert_as_fresh(stream)
    assert stream.overflows == 1
    assert stream.notes[-1].tick == 399


def test_a_long_silence_is_shortened_by_whole_bars():
    stream = Stream(decoder(KIND), ENSEMBLE, bar_beats=4)
    stream.add(0, 60, 12, 1)
    far = 403 * TICKS + 5
    stream.shorten_silence(far)
    note = stream.add(far, 62, 12, 1)
    assert note
    assert note.tick == far
    assert (note.tick - note.at) % (4 * TICKS) == 0
    assert 0 < note.at - TICKS <= 4 * TICKS
    assert stream.last_tick == far
    assert_as_fresh(stream)


def test_other_instruments_are_known_after_the_next_renewal():
    stream = Stream(decoder(KIND), ENSEMBLE)
    for k in range(20):
        stream.add(6 * k, 60, 6, 1)
    settle(stream)
    stream.set_instruments([1, 41])
    assert_as_fresh(stream)
    rows = stream._front.decoder.rows[:4]
    assert rows[1:3, 5].tolist() == [1, 41]
    assert stream.renewals == 1


def test_forgetting_leaves_the_ensemble():
    stream = Stream(decoder(KIND), ENSEMBLE)
    stream.add(7000, 60, 6, 1)
    settle(stream)
    stream.forget()
    settle(stream)
    assert stream.notes == []
    assert stream._front.decoder.count == len(ENSEMBLE) + 2
    assert draw_some(stream, 3, 9000)[0].tick >= 9000


@pytest.mark.parametrize("seed", range(3))
def test_same_seed_same_notes(seed: int):
    def play() -> list[tuple]:
        stream = Stream(decoder(KIND), ENSEMBLE)
        for k in range(12):
            stream.add(12 * k, 60 + k, 12, 1)
        drawn = draw_some(stream, 30, 150, seed)
        return [(note.tick, note.key, note.length, note.instrument) for note in drawn]

    assert play() == play()


def test_attention_names_the_notes_looked_at():
    """Also after a renewal, where the cache begins at a later note."""
    stream = Stream(decoder(KIND), ENSEMBLE, memory_beats=8)
    first = stream.add(0, 60, 12, 1)
    settle(stream)
    assert first
    assert stream.attention(first) is None  # nothing is before it
    notes = [first, *draw_some(stream, 60, 12)]
    settle(stream)
    assert stream.renewals > 0
    for note in (notes[-1], notes[-5]):
        seen = stream.attention(note)
        assert seen
        shares = [share for _, share in seen]
        assert shares == sorted(shares, reverse=True)
        assert 0.3 < sum(shares) < 1.0
        before = stream.notes[: stream.notes.index(note)]
        assert {id(other) for other, _ in seen} == {id(other) for other in before}
    stream.add(notes[-1].tick, 20, 12, 1)
    assert stream.attention(notes[-1]) is None  # until the cache knows of it
