"""What the ensemble would play next: kept ready, renewed, extended, without process or clock.

Told what was heard (`hear`) and what time it is (`at`); `work` does one small piece, a slice of
rows or a note; `telling` holds the records of PLAN so far. The same calls give the same records.

Nothing is planned before now plus a margin. A plan stands for so many note-ons of the player and
is drawn from a seed made of these, of where it begins and of the player's own seed.

- The player has the floor: some notes are kept ready that could begin at once; the plan is drawn
  anew with each note on or off, when its first note would be too late, and just before the
  ensemble is due.
- The ensemble has the floor: the plan is extended seconds ahead and never taken back, except by
  new settings.
- accompany: the same a short way ahead, for the parts the player leaves alone, anew with each note.

The music does not stand still, unless it is beside the player or his own, varied: of the notes that
would keep every voice busy one is shortened, so that some voice begins again within `HELD_BEATS`;
and once nothing sounds, something begins within `REST_BEATS` and `REST_S`, whichever is less.
"""

import math

import numpy as np

from engine.continuation.listener import Listener
from engine.continuation.memory import plan_memory as pm
from engine.continuation.pace import Pace
from engine.continuation.phrase import Phrase
from engine.continuation.settings import ACCOMPANY, OFF, VARY, Settings
from engine.continuation.telling import Telling
from engine.continuation.voices import Voices
from engine.continuation.wear import Wear
from models.mmt.drawing import HURRY, PART, Taste, hurry_of, limits
from models.mmt.representation import TICKS
from models.mmt.stream import Note, Stream

MARGIN_S = 0.04  # what begins sooner may come too late to the callback
LEAD_S = 0.3  # so soon before the ensemble is due, the plan begins just then
HELD_BEATS = 4  # at most from one onset to the next
REST_BEATS, REST_S = 2, 1.9  # at most in which nothing sounds; at the tempo of when it is planned
_READY = (8, 1.0, 2.0)  # notes, seconds, beats kept ready while the player has the floor
_AHEAD = (0, 2.5, 8.0)  # while the ensemble has it
_BESIDE = (0, 1.0, 4.0)  # in accompany
_MOST_NOTES = 96  # planned at once
_REVISE_S = 0.5  # new settings count from so soon on while the ensemble plays
_SILENT_BEATS = 16  # without a note of the player's, nothing is accompanied
_RECENT = 96  # notes looked through for those still sounding
_PACED = 256  # of the player's, for how busy they are


class Planner:
    """A plan over a stream. `settings` and what was heard decide what it holds."""

    def __init__(self, stream: Stream, settings: Settings, written: int = 0) -> None:
        """`written` records of PLAN exist already. [worker]"""
        self.stream = stream
        self.listener = Listener(stream, settings)
        self.telling = Telling(written)
        self._wear = Wear()
        self.heard = 0
        self.drawn = 0  # notes so far
        self.now, self.bpm = 0.0, 120.0
        self._next = self._end_beat = math.inf  # when the ensemble is due, when it rests
        self._order: int | None = None  # the tick at which an ordered plan ends
        self._apply(settings)
        self._prepare(0)

    def configure(self, settings: Settings) -> None:
        """Follow other settings, soon. [worker]"""
        if settings != self.settings:
            self.listener.configure(settings)
            self._apply(settings)

    def hear(self, records: np.ndarray) -> None:
        """Take records of HEARD in their order. [worker]"""
        listener = self.listener
        for record in records:
            kind = record["kind"]
            if kind == pm.NOTE_ON:
                if listener.floor == pm.PLAYER:
                    self._drop()
                listener.note_on(record, self.bpm)
                self._due = True
            elif kind == pm.NOTE_OFF:
                listener.note_off(record)
                self._due |= listener.floor == pm.PLAYER
            elif kind == pm.PLAYED:
                listener.sounded(record, self.telling.notes)
            elif kind == pm.STOPPED:
                listener.stopped(record, self.telling.notes)
            elif kind == pm.FLOOR_IS:
                self._floor_is(int(record["part"]))
            elif kind == pm.TEMPO_IS:
                self.bpm = max(1.0, float(record["duration"]))
            elif kind == pm.FORGET:
                self._group = []
                listener.forget()
                self._due = True
            self.now = float(record["beat"])
        listener.prune()

    def at(
        self,
        beat: float,
        bpm: float,
        heard: int,
        next_beat: float = math.inf,
        end_beat: float = math.inf,
    ) -> None:
        """Say what time it is, for how many note-ons of the player plans are wanted now,
        and, if known, when the ensemble is due and when it rests. [worker]"""
        self.now, self.bpm = beat, max(1.0, bpm)
        self._next, self._end_beat = next_beat, end_beat
        if heard != self.heard:  # whatever was planned is void
            self.heard = heard
            if self.listener.floor != pm.BOTH:
                self._drop()
            self._due = True
        if self._due or self.settings.mode == OFF:
            return
        if self.listener.floor == pm.PLAYER:
            aim = self._aim()
            self._due = aim != self._begins if aim else self._first() < self._tick_in(MARGIN_S / 3)
        else:
            self._drop_missed()

    def renew(self) -> None:
        """Plan anew: what was planned has been let go. [worker]"""
        if self.listener.floor == pm.PLAYER:
            self._drop()
        self._due = True

    def work(self) -> bool:
        """Do one small piece; return whether there is more to do now. [worker]"""
        if self.settings.mode == OFF and self._order is None:
            return self.stream.work()
        if self._due:
            self._start(self._next_start())
        if self.stream.work(behind=False):
            return True
        if self._wants_more() and self.stream.has_room:
            self._extend()
            return True
        return self.stream.work()

    def compose(self, start_beat: float, until_beat: float) -> int:
        """Plan from one beat to another in one go; return how many notes that made. [worker]"""
        before = self.telling.notes_waiting
        self._order = round(until_beat * TICKS)
        self._start(math.ceil(start_beat * TICKS))
        while self.until < self._order:
            while self.stream.work():
                pass
            if len(self._voices.table):
                self._extend()
            else:
                self._tell(self._order)
        self._drop(self._order)
        self._order = None
        return self.telling.notes_waiting - before

    def resume(self, records: np.ndarray, number: int) -> None:
        """Go on with the plan another worker left: its last records, the first of this number.

        What was heard must have been told before. [worker]
        """
        begins = np.flatnonzero(records["kind"] == pm.BEGIN)
        if not len(begins) or records[begins[-1]]["heard"] != self.heard:
            return
        until = -1
        for place in range(begins[-1], len(records)):
            record = records[place]
            tick = round(float(record["beat"]) * TICKS)
            if record["kind"] == pm.UNTIL:
                until = tick
            elif record["kind"] == pm.NOTE and float(record["beat"]) > self.now:
                part, length = int(record["part"]), round(float(record["duration"]) * TICKS + 0.25)
                code = self.settings.parts[part].code
                note = self.stream.add(tick, int(record["pitch"]), length, code, heard=False)
                if note:
                    note.part = part
                    self.telling.notes[number + place] = note
        if until / TICKS > self.now:
            self._due, self._begun = False, True
            self._prepare(until)

    @property
    def plan(self) -> list[Note]:
        """The planned notes that were told and not heard yet."""
        return [note for note in self.stream.notes if not note.heard and note not in self._group]

    def _apply(self, settings: Settings) -> None:
        self.settings = settings
        self.stream.remember(settings.memory_beats, settings.bar_beats)
        self.stream.set_instruments(part.code for part in settings.parts)
        self._taste = Taste(temperature=settings.temperature, density=settings.density)
        self._due = True

    def _floor_is(self, floor: int) -> None:
        self.listener.floor = floor
        if floor == pm.PLAYER:
            self._drop()
        self._due |= floor != pm.ENSEMBLE

    def _tick_in(self, seconds: float) -> int:
        return math.ceil((self.now + seconds * self.bpm / 60) * TICKS)

    def _aim(self) -> int:
        """The tick at which the ensemble is due, if that is soon; else 0."""
        soon = self._tick_in(MARGIN_S / 3) <= self._next * TICKS <= self._tick_in(LEAD_S)
        return math.ceil(self._next * TICKS - 1e-6) if soon else 0

    def _next_start(self) -> int:
        if self.listener.floor == pm.PLAYER:
            return self._aim() or self._tick_in(MARGIN_S)
        revises = self.listener.floor == pm.ENSEMBLE and bool(self.plan)
        return self._tick_in(_REVISE_S if revises else MARGIN_S)

    def _start(self, tick: int) -> None:
        """Begin a plan: drop what was planned from there on."""
        for note in self._group:
            self.stream.drop(note)
        self._group = []
        self._drop(None if self.listener.floor == pm.PLAYER and self._order is None else tick)
        if all(note.heard for note in self.stream.notes[-_MOST_NOTES:]):
            self.stream.shorten_silence(tick)
        self.listener.age(self.now)
        self._due, self._begun = False, False
        self._prepare(tick)

    def _prepare(self, tick: int) -> None:
        """Be ready to draw from a tick on."""
        self._voices = Voices(self.settings.parts, self._playing())
        self._voices.after(note for note in self.stream.notes[-_RECENT:] if note.part >= 0)
        self._wear.after(self.stream.notes[-_RECENT:])
        self._limits = limits(self._taste, self._voices.table)._replace(worn=self._wear.worn)
        self._pace, self._hurry = self._pace_from(tick), hurry_of(self._taste)
        self._random = np.random.default_rng((self.settings.seed, self.heard, max(tick, 0)))
        self._begins = self.until = self._earliest = tick
        self._group: list[Note] = []  # the notes of one onset, not told yet
        self._refused = 0
        varies = self.settings.mode == VARY
        self._phrase = Phrase.of(self.listener.player, self.settings, tick) if varies else None

    def _pace_from(self, tick: int) -> Pace:
        """Return the pace to go on with: the player's, in the parts that play on."""
        parts = set(self._voices.table[:, PART].tolist())
        mine = [n.tick for n in self.listener.player[-_PACED:] if n.part in parts]
        accompanies = self.settings.mode == ACCOMPANY
        seam = min(tick, mine[-1] + TICKS) if mine else tick
        return Pace([] if accompanies else mine, seam, tick, 2.0**self.settings.density)

    def _playing(self) -> list[int]:
        """The parts that may play on now."""
        numbers = [n for n, part in enumerate(self.settings.parts) if part.continues]
        if self.settings.mode == ACCOMPANY:
            since = (self.now - self.settings.bar_beats) * TICKS
            busy = {note.part for note in self.listener.player if note.tick >= since}
            busy |= {note.part for note, _ in self.listener.held.values()}
            numbers = [number for number in numbers if number not in busy]
        return numbers

    def _wants_more(self) -> bool:
        if not len(self._voices.table):
            return False
        if self._order is not None:
            return self.until < self._order
        planned = sum(not note.heard for note in self.stream.notes[-2 * _MOST_NOTES :])
        if planned >= _MOST_NOTES or self.until >= self._end_beat * TICKS:
            return False
        if self.settings.mode == ACCOMPANY:
            if self._alone():
                return False
            notes, seconds, beats = _BESIDE
        else:
            notes, seconds, beats = _READY if self.listener.floor == pm.PLAYER else _AHEAD
        ahead = self.until / TICKS - max(self.now, self._begins / TICKS)
        return planned < notes or ahead < max(beats, seconds * self.bpm / 60)

    def _alone(self) -> bool:
        """Whether there is nobody to accompany."""
        player = self.listener.player
        last = player[-1].tick / TICKS if player else -math.inf
        return not self.listener.held and self.now - last > _SILENT_BEATS

    def _extend(self) -> None:
        """Draw a note; tell the group before it if it begins later."""
        if self._phrase:
            note = self._phrase.next(self.stream, self._limits, self._random)
        else:
            self._limits.numbers[HURRY] = self._hurry + self._pace.hurry(self._earliest)
            latest = self._latest()
            note = self.stream.draw(self._limits, self._earliest, self._random, latest)
        if note is None:
            self._refused += 1
            if self._refused > TICKS:  # nobody can play here: look a little later
                self._earliest = max(self._earliest, self.stream.last_tick) + 1
                self._tell(self._earliest)
            return
        self._refused = 0
        self.drawn += 1
        if self._group and note.tick > self._group[0].tick:
            self._tell(note.tick)
            self._wear.rest(note.tick)
        self._group.append(note)
        self._pace.take(note.tick)
        self._wear.strike(note)
        self._earliest = note.tick
        if not self._phrase:
            self._voices.take(note)
            self._leave_a_voice(note)

    def _latest(self) -> float:
        """The tick by which the next note begins, if a voice can."""
        if self.settings.mode == ACCOMPANY:
            return math.inf
        silent = max(self._voices.free_from, self._begins)
        rest = min(REST_BEATS, REST_S * self.bpm / 60) * TICKS
        held = max(self.stream.last_tick, self._begins) + HELD_BEATS * TICKS
        return min(silent + rest, held)

    def _leave_a_voice(self, note: Note) -> None:
        """Shorten a note just drawn, if it would leave no voice for too long."""
        longest = HELD_BEATS * TICKS
        if self.settings.mode == ACCOMPANY or note.length <= longest:
            return
        if self._voices.first_free > note.tick + longest:
            self.stream.lengthen(note, longest)
            self._voices.shorten(note)

    def _tell(self, tick: int) -> None:
        """Give the notes of an onset to their parts and to the callback."""
        group, self._group = self._group, []
        live = self.listener.floor != pm.PLAYER and self._order is None
        if live and not self._begun and group and group[0].tick < self._tick_in(MARGIN_S / 4):
            self._group, self._due = group, True  # the work took too long
            return
        if not self._begun:
            self.telling.begin(self._begins, self.heard)
            self._begun = True
        if not self._phrase:
            self._voices.deal(group)
        for note in group:
            if self._order is None or note.tick < self._order:
                loud = self.listener.dynamics.velocity(note.tick, note.part, self._random.random())
                self.telling.note(note, loud)
        self.until = tick if self._order is None else min(tick, self._order)
        self.telling.until(self.until)

    def _first(self) -> float:
        """The tick of the first planned note; one long ago if there is none, but should be."""
        for note in self.stream.notes[-2 * _MOST_NOTES :]:
            if not note.heard:
                return note.tick
        return -math.inf if self._wants_more() else math.inf

    def _drop(self, tick: int | None = None) -> None:
        """Drop what is planned, all or from a tick on."""
        self.stream.drop_plan(tick=tick)
        self._group = [note for note in self._group if tick is not None and note.tick < tick]

    def _drop_missed(self) -> None:
        """Forget planned notes whose time has passed without their being heard."""
        before = round((self.now - max(0.5, self.bpm / 120)) * TICKS)
        for note in self.stream.notes[-2 * _MOST_NOTES :]:
            if not note.heard and note.tick < before and note not in self._group:
                self.stream.drop(note)
