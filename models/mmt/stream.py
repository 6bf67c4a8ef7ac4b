"""Music that goes on for ever over a key/value cache that does not.

A Stream holds the notes that count, sorted as the network reads them: those that were heard, and
those that are only planned. Whoever owns it adds, lengthens and drops notes at will; `work` then
brings the cache after them, a slice of at most 16 rows a call, from the first row that changed. So
going back is dropping notes, and a chord's note that comes late is fed at its sorted place.

Two decoders take turns. When one is nearly full, or holds much more than is to be remembered, the
other is fed the last `memory_beats` beats, slice by slice, while the first still serves; then they
change places. Long silences are shortened by whole bars, for the network has heard few of them.

Times outside are ticks, 12 a beat, that may grow for ever. One thread. [worker]
"""

import math
from bisect import bisect_left, insort
from collections.abc import Iterable
from operator import attrgetter

import numpy as np

from models.mmt.decoder import Decoder
from models.mmt.drawing import LATEST, Limits, draw_note
from models.mmt.representation import (
    BEAT,
    BEATS,
    DURATION,
    DURATIONS,
    INSTRUMENT,
    NOTE,
    PITCH,
    POSITION,
    TICKS,
    duration_codes,
    header,
)
from models.mmt.sampling import EARLIEST, kind_of
from models.mmt.step import SLICE

NEAR_ROWS = 32  # a length that is known late is corrected if so few rows have to be fed again
_KEEP, _FULL = 5 / 8, 13 / 16  # of a decoder's rows: fed into a fresh one; when it is nearly full
_LAST_BEAT = BEATS - 64  # from here on a fresh one is wanted as well
_PLACE = attrgetter("place")
_CODES = duration_codes(np.arange(DURATIONS[-1] + 1)).tolist()


class Note:
    """A note of the stream. `tick` is its real onset; `heard` False while it is only planned."""

    __slots__ = (
        "at",
        "heard",
        "instrument",
        "key",
        "length",
        "number",
        "part",
        "place",
        "tick",
        "velocity",
    )

    def __init__(self, tick: int, at: int, key: int, length: int, instrument: int) -> None:
        self.tick = tick
        self.at = at  # its onset in the stream, where silences are shorter
        self.key = key
        self.length = length  # ticks
        self.instrument = instrument
        self.heard = True
        self.part, self.velocity, self.number = -1, 0, 0  # the owner's
        self.place = (at, key, length_code(length), instrument)


class _Context:
    """A decoder that follows a list of notes: from number `first` on, from the beat of `base`."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self.target = np.zeros((decoder.shape.rows, 6), np.int64)
        self.begin(np.zeros((0, 6)), 0, 0)

    def begin(self, head: np.ndarray, first: int, base: int) -> None:
        self.target[: len(head)] = head
        self.head, self.first, self.base = len(head), first, base
        self.stale = first  # the first note whose row may be another than `target` says
        self.decoder.rewind(0)

    def follow(self, notes: list[Note]) -> int:
        """Bring target after the notes and go back as far as needed; return the rows to feed."""
        decoder, size = self.decoder, self.head + len(notes) - self.first
        if size > decoder.shape.rows:
            return -1
        if self.stale < len(notes):
            rows = [_row(note, self.base) for note in notes[self.stale :]]
            self.target[self.head + self.stale - self.first : size] = rows
        agree = min(decoder.count, size, self.head + self.stale - self.first)
        stop = min(decoder.count, size)
        if agree < stop:
            differ = (decoder.rows[agree:stop] != self.target[agree:stop]).any(1)
            agree = agree + int(differ.argmax()) if differ.any() else stop
        if agree < decoder.count:
            decoder.rewind(agree if agree < size else size - 1)
        self.stale = len(notes)
        return size - decoder.count

    def feed(self, rows: int) -> None:
        begin = self.decoder.count
        self.decoder.feed_slice(self.target[begin : begin + min(rows, SLICE)])


class Stream:
    """Notes, and a network that knows them."""

    def __init__(
        self,
        decoder: Decoder,
        instruments: Iterable[int],
        memory_beats: int = 64,
        bar_beats: int = 4,
    ) -> None:
        """A decoder, which is this stream's from now on; the ensemble's instrument codes. [main]"""
        self.notes: list[Note] = []
        self.renewals = 0
        self.overflows = 0  # renewals that came too late: more notes than the cache holds
        self._front, self._back = _Context(decoder), _Context(decoder.twin())
        self._renewing = self._wanted = False
        self._shift = 0  # real ticks less stream ticks
        self._in_turn, self._rotary = kind_of(decoder.shape)
        self._uniforms, self._drawn = np.zeros(6), np.zeros(6, np.int64)
        self.remember(memory_beats, bar_beats)
        self._head = header(instruments)
        self._front.begin(self._head, 0, 0)

    def remember(self, memory_beats: int, bar_beats: int) -> None:
        """Set how far back notes count, and the bar. [worker]"""
        self.memory = TICKS * memory_beats
        self.bar = TICKS * bar_beats
        self.longest_silence = self.bar

    def set_instruments(self, instruments: Iterable[int]) -> None:
        """Say who plays. The next cache knows it; `work` prepares that one. [worker]"""
        head = header(instruments)
        if not np.array_equal(head, self._head):
            self._head, self._wanted = head, True
            self._renewing = False
            if not self.notes:
                self.forget()

    def forget(self) -> None:
        """Drop every note. [worker]"""
        self.notes.clear()
        self._renewing = self._wanted = False
        self._front.begin(self._head, 0, 0)

    def add(
        self, tick: int, key: int, length: int, instrument: int, heard: bool = True
    ) -> Note | None:
        """Insert a note at its sorted place and return it; None if it is there already. [worker]"""
        if not self.notes:
            self._start(tick)
        at = max(tick - self._shift, self._front.base, self.notes[0].at if self.notes else 0)
        note = Note(tick, at, key, max(1, length), instrument)
        note.heard = heard
        index = bisect_left(self.notes, (at, key), key=_PLACE)
        for other in self.notes[index : index + 8]:
            if (other.at, other.key, other.instrument) == (at, key, instrument):
                return None
        insort(self.notes, note, key=_PLACE)
        self._touch(self.notes.index(note, index), note)
        return note

    def lengthen(self, note: Note, length: int, anyway: bool = False) -> None:
        """Give a note another length; the cache hears of it if that is cheap. [worker]"""
        note.length = max(1, length)
        index = self.notes.index(note)
        if anyway or index >= len(self.notes) - NEAR_ROWS:
            self._touch(index)

    def reassign(self, note: Note, instrument: int) -> None:
        """Give a note to another instrument. [worker]"""
        if note.instrument != instrument:
            note.instrument = instrument
            self._touch(self.notes.index(note))

    def drop_plan(self, tick: int | None = None, until: int | None = None) -> None:
        """Drop what is planned: from a real tick on, or before another, or all. [worker]"""
        for index in range(len(self.notes) - 1, -1, -1):
            note = self.notes[index]
            if note.heard or (tick is not None and note.tick < tick):
                continue
            if until is None or note.tick < until:
                self._remove(index)

    def drop(self, note: Note) -> None:
        """Drop one note. [worker]"""
        self._remove(self.notes.index(note))

    def shorten_silence(self, tick: int) -> None:
        """Bring a real tick to within a bar of what was last heard, by whole bars. [worker]

        For when nothing is planned; what is added later keeps the new distance.
        """
        if not self.notes:
            return
        end = max(note.at + min(note.length, self.bar) for note in self.notes[-16:])
        silence = tick - self._shift - end
        if silence > self.longest_silence:
            self._shift += (silence - self.longest_silence + self.bar - 1) // self.bar * self.bar

    @property
    def last_tick(self) -> int:
        """The real tick of the last note, heard or planned; a tick before all if none."""
        return self.notes[-1].at + self._shift if self.notes else -(1 << 62)

    @property
    def has_room(self) -> bool:
        """Whether the serving cache takes another note now."""
        return self._front.decoder.room > 1

    @property
    def ready(self) -> bool:
        """Whether the cache knows every note, so that the next can be drawn."""
        return self._front.follow(self.notes) == 0

    def work(self, behind: bool = True) -> bool:
        """Feed one slice, if any is due; return whether more is. [worker]

        The serving cache goes first; with `behind` False the other one has to wait.
        """
        left = self._front.follow(self.notes)
        if left < 0:
            self.overflows += 1
            self._restart()
            left = self._front.follow(self.notes)
        if left > 0:
            self._front.feed(left)
            return True
        if not behind:
            return False
        if not self._renewing:
            if not (self._wanted or self._is_full()):
                return False
            self._renewing, self._wanted = True, False
            self._begin(self._back)
        left = self._back.follow(self.notes)
        if left < 0:
            self._begin(self._back)
            left = self._back.follow(self.notes)
        if left > 0:
            self._back.feed(left)
            return True
        self._front, self._back = self._back, self._front
        self._renewing = False
        self.renewals += 1
        self._forget_before(self._front)
        return False

    def draw(
        self,
        limits: Limits,
        earliest: int,
        random: np.random.Generator,
        latest: float = math.inf,
    ) -> Note | None:
        """Draw and add the planned note that follows, from a real tick on, by another. [worker]

        None if the voices can play none, or the cache is full: the same call may succeed later.
        `limits.voices` says from which real ticks voices are free. The stream must be `ready`.
        """
        front = self._front
        if not self.notes:
            self._start(earliest)
        if not self.has_room:
            return None
        offset = self._shift + front.base
        voices = limits.voices
        voices[:, 3] -= offset
        limits.numbers[EARLIEST] = max(earliest - offset, 0)
        limits.numbers[LATEST] = max(latest - offset, 0)
        random.random(out=self._uniforms)
        decoder = front.decoder
        found = draw_note(
            decoder.weights,
            decoder.state,
            decoder._slice_row,
            self._in_turn,
            self._rotary,
            decoder.rows[decoder.count - 1],
            limits,
            self._uniforms,
            self._drawn,
        )
        voices[:, 3] += offset
        if not found:
            return None
        row = self._drawn
        tick = int(row[BEAT] - 1) * TICKS + int(row[POSITION]) - 1 + offset
        length = int(DURATIONS[row[DURATION] - 1])
        return self.add(tick, int(row[PITCH]) - 1, length, int(row[INSTRUMENT]), heard=False)

    def attention(self, note: Note) -> list[tuple[Note, float]] | None:
        """Return what the network looked at when it drew a note: shares of the notes before it.

        Largest first; they sum to 1 less what the row of the ensemble had. None while the cache
        does not know the note, or if nothing is before it. [worker]
        """
        if not self.ready or note not in self.notes:
            return None
        front = self._front
        index = self.notes.index(note)
        row = front.head + index - front.first - 1  # the row that told this one
        if row < front.head:
            return None
        shares = front.decoder.attention(row)[front.head :]
        seen = zip(self.notes[front.first : index], shares.tolist(), strict=True)
        return sorted(seen, key=lambda pair: -pair[1])

    def codes_at(self, tick: int) -> tuple[int, int]:
        """Return the codes of beat and position that a real tick has now. [worker]"""
        at = tick - self._shift - self._front.base
        return at // TICKS + 1, at % TICKS + 1

    def _start(self, tick: int) -> None:
        """Place the first note: within the first bar of the stream."""
        self._shift = tick // self.bar * self.bar
        self._renewing = self._wanted = False
        self._front.begin(self._head, 0, 0)
        self._front.follow(self.notes)
        while self._front.decoder.count < self._front.head:
            self._front.feed(self._front.head - self._front.decoder.count)

    def _touch(self, index: int, added: Note | None = None) -> None:
        """Note that rows from number `index` on are others, where a note may have been added."""
        self._front.stale = min(self._front.stale, index)
        back = self._back
        if not self._renewing:
            return
        if added and (index < back.first or (index == back.first and added.at < back.base)):
            back.first += 1
            back.stale += 1
        back.stale = max(min(back.stale, index), back.first)

    def _remove(self, index: int) -> None:
        del self.notes[index]
        self._front.stale = min(self._front.stale, index)
        back = self._back
        if not self._renewing:
            return
        if index < back.first:
            back.first -= 1
            back.stale -= 1
        back.stale = max(min(back.stale, index), back.first)

    def _is_full(self) -> bool:
        if not self.notes:
            return False
        rows = self._front.head + len(self.notes)
        span = self.notes[-1].at - self.notes[0].at
        return (
            rows > _FULL * self._front.decoder.shape.rows
            or self.notes[-1].at - self._front.base > _LAST_BEAT * TICKS
            or span > self.memory + max(self.memory // 4, 4 * TICKS)
        )

    def _begin(self, context: _Context) -> None:
        """Begin to feed a context what is to be remembered."""
        most = int(_KEEP * context.decoder.shape.rows) - len(self._head)
        span = min(self.memory, (_LAST_BEAT - 32) * TICKS)
        end = self.notes[-1].at if self.notes else 0
        first = max(len(self.notes) - most, 0)
        while first < len(self.notes) and self.notes[first].at < end - span:
            first += 1
        base = self.notes[first].at // self.bar * self.bar if first < len(self.notes) else 0
        context.begin(self._head, first, base)

    def _restart(self) -> None:
        """Feed the serving cache anew: more came at once than it holds."""
        self._renewing = False
        self._begin(self._front)
        self._forget_before(self._front)

    def _forget_before(self, context: _Context) -> None:
        del self.notes[: context.first]
        context.stale -= context.first
        context.first = 0


def length_code(ticks: int) -> int:
    """Return the code of a length in ticks. [any]"""
    return _CODES[min(max(ticks, 1), len(_CODES) - 1)]


def _row(note: Note, base: int) -> tuple[int, ...]:
    beat, position = divmod(note.at - base, TICKS)
    return NOTE, beat + 1, position + 1, note.key + 1, length_code(note.length), note.instrument
