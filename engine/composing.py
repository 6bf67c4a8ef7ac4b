"""Music made offline by the network that plays on live: a prompt in, ranked candidates out.

`ripieno continue` and `compose`. A prompt is notes as models.mmt.representation has them; what is
made begins at the seam, a tick of the same clock. The network hears the last of what is there, as
much as it has room for, and when its rows are full again hears the last half of them anew: music
may be as long as is wished. The same seed gives the same notes. [main]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np

from engine.errors import RipienoError
from models.mmt.decoder import Decoder
from models.mmt.representation import (
    BEAT,
    BEATS,
    INSTRUMENT,
    INSTRUMENT_ROW,
    KEY,
    NOTE,
    NOTES,
    ONSET,
    PLAYER,
    TICKS,
    TYPE,
    decode,
    header,
    note_rows,
)
from models.mmt.sampling import EARLIEST, MIN_P, MIN_P_SHARE, Draw, Rules, packed

FEWEST_BEATS, MOST_BEATS = 1.0, 2048.0
MOST_CANDIDATES = 64
MOST_PLAYERS = 15  # that a MIDI file has channels for
PIANO = 1
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.1, 2.0
LONGEST_WAIT_BEATS = 8
BAR = 4 * TICKS  # what silences are shortened by, and where a hearing begins
_LAST_HEARD = BEATS - 64  # beats: the rest of the clock is for what is made
_HEARD, _KEPT = 0.75, 0.5  # of the rows: the prompt's at the seam, and when they were full
_TRIES = 8  # draws for a note that can stand after the one before it
_MOST_A_BEAT = 96  # notes: a network that does not get on is stopped
# Who was asked for and plays less than this part of an equal share of the last notes, so many a
# player, is favoured by so many nats for each e-fold that it lacks (tried on five companies).
_FAIR_SHARE, _FAIR_NOTES, _FAIR_NATS = 0.4, 8.0, 4.0

Watch = Callable[[int, int, float], None]  # number of the candidate, its notes, its beats


class ComposingError(RipienoError):
    """A wish that cannot be granted."""


@dataclass(frozen=True)
class Wish:
    """What is wanted: `instruments` are codes 1..64 that may play; none, the network's choice.

    `min_p`: the least share of the likeliest code's probability that another may have.
    """

    beats: float
    instruments: Collection[int] = ()
    count: int = 1
    seed: int = 1
    temperature: float = 1.0
    min_p: float = MIN_P_SHARE

    def __post_init__(self) -> None:
        for name, low, high in (
            ("beats", FEWEST_BEATS, MOST_BEATS),
            ("count", 1, MOST_CANDIDATES),
            ("seed", 0, 2**31 - 1),
            ("temperature", LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE),
            ("min_p", 0, 1),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ComposingError(f"{name} must be {low:g} to {high:g}, got {value:g}")


@dataclass(frozen=True)
class Candidate:
    """Notes (n, 4) made from the seam on, and the nats a note they cost the network."""

    number: int
    notes: np.ndarray
    nll: float


def candidates(
    decoder: Decoder,
    prompt: np.ndarray,
    seam: int,
    wish: Wish,
    watch: Watch = lambda number, notes, beats: None,
) -> list[Candidate]:
    """Return what was made after the prompt's notes (n, 4), the likeliest first. [main]

    Without a prompt and without instruments the network names its own.
    """
    made = []
    for number in range(1, wish.count + 1):
        random = np.random.default_rng([wish.seed, number])
        codes = set(wish.instruments) or set(np.unique(prompt[:, PLAYER]).tolist())
        if not codes:
            codes = named(decoder, random) or {PIANO}
        made.append(_play_on(decoder, prompt, seam, wish, codes, number, random, watch))
    return sorted(made, key=lambda candidate: candidate.nll)


def named(decoder: Decoder, random: np.random.Generator) -> set[int]:
    """Return the instruments (codes) the network names first of a song, 15 at most. [main]"""
    draw = packed(Rules(filter=MIN_P, amount=0.0, may_end=False))
    codes: set[int] = set()
    decoder.rewind(0)
    decoder.feed(header(())[:1])
    while len(codes) < MOST_PLAYERS:
        row = decoder.next(draw, random)[0]
        if row[TYPE] != INSTRUMENT_ROW:
            break
        codes.add(int(row[INSTRUMENT]))
        decoder.feed(row)
    return codes


def _play_on(
    decoder: Decoder,
    prompt: np.ndarray,
    seam: int,
    wish: Wish,
    codes: set[int],
    number: int,
    random: np.random.Generator,
    watch: Watch,
) -> Candidate:
    ticks = round(wish.beats * TICKS)
    heard = _without_long_silence(prompt, seam)
    players = codes | set(np.unique(heard[:, PLAYER]).tolist())
    share = _HEARD
    notes: list[tuple[int, ...]] = []
    told = 0.0
    most = int(_MOST_A_BEAT * max(wish.beats, 4))
    while len(notes) < most:
        everything = np.concatenate([heard, np.array(notes, np.int64).reshape(-1, 4)])
        base = _hear(decoder, everything, seam, players, share)
        before = len(notes)
        for note, nats in _draws(decoder, base, seam, codes, wish, random):
            if note[ONSET] >= seam + ticks:
                return _candidate(number, notes, told, seam + ticks)
            notes.append(note)
            told += nats
            watch(number, len(notes), (note[ONSET] - seam) / TICKS)
            if len(notes) >= most:
                break
        if len(notes) == before:
            break
        share = _KEPT
    return _candidate(number, notes, told, seam + ticks)


def _draws(
    decoder: Decoder,
    base: int,
    seam: int,
    codes: set[int],
    wish: Wish,
    random: np.random.Generator,
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Yield notes that follow what was heard, and feed them, until the rows or beats are full."""
    rules = Rules(
        temperature=wish.temperature,
        filter=MIN_P,
        amount=wish.min_p,
        instruments=codes,
        earliest_ticks=max(seam - base, 0),
        longest_wait_beats=LONGEST_WAIT_BEATS,
        may_end=False,
        notes_only=True,
    )
    draw = packed(rules)
    shares = _Shares(wish.instruments)
    for row in decoder.rows[: decoder.count]:
        shares.hear(int(row[INSTRUMENT]) if row[TYPE] == NOTE else 0)
    last = decoder.rows[decoder.count - 1]
    while decoder.room > 1 and last[BEAT] <= BEATS - LONGEST_WAIT_BEATS:
        shares.write_costs(draw.players)
        row, nats = _next(decoder, draw, rules.earliest_ticks, last, random)
        decoder.feed_slice(row[None])
        shares.hear(int(row[INSTRUMENT]))
        last = row
        onset, *rest = decode(row[None])[0].tolist()
        yield (onset + base, *rest), -nats


class _Shares:
    """How much each player has played of late, so that nobody who was asked for is forgotten.

    In company it has never heard, a flute among strings, the network keeps to those it knows. Who
    plays on after a prompt without being named may rest as the network likes.
    """

    def __init__(self, codes: Collection[int]) -> None:
        self._share = {code: 1 / len(codes) for code in codes}
        self._kept = math.exp(-1 / (_FAIR_NOTES * max(len(codes), 1)))

    def hear(self, code: int) -> None:
        """Count a note; one of a player who may play no more is none."""
        if code in self._share:
            for other in self._share:
                self._share[other] *= self._kept
            self._share[code] += 1 - self._kept

    def write_costs(self, costs: np.ndarray) -> None:
        """Write the nats taken from each player's code: less than none for the forgotten."""
        for code, share in self._share.items():
            lack = share * len(self._share) / _FAIR_SHARE
            costs[code] = _FAIR_NATS * min(math.log(lack), 0.0)


def _next(
    decoder: Decoder, draw: Draw, earliest: int, last: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Return a row that sorts after the last, and its log-probability."""
    after = _place(last)
    draw.numbers[EARLIEST] = earliest
    for _ in range(_TRIES):
        row, nats = decoder.next(draw, random)
        if _place(row) > after:
            return row.copy(), nats
    draw.numbers[EARLIEST] = max(earliest, after[0] + 1)  # whatever is drawn now comes after
    row, nats = decoder.next(draw, random)
    return row.copy(), nats


def _place(row: np.ndarray) -> tuple[int, int, int]:
    """Where a row stands among notes: onset, key, and instrument where both are the same."""
    if row[TYPE] <= NOTES:
        return -1, 0, 0
    onset, key, _, code = decode(row[None])[0].tolist()
    return onset, key, code


def _hear(decoder: Decoder, notes: np.ndarray, seam: int, players: set[int], share: float) -> int:
    """Feed the last notes, as many as the share of rows takes; return the tick of their clock."""
    head = header(players)
    most = max(int(share * decoder.shape.rows) - len(head), 0)
    now = max(seam, int(notes[-1, ONSET])) if len(notes) else seam
    kept = notes[max(len(notes) - most, 0) :]
    kept = kept[kept[:, ONSET] > now - _LAST_HEARD * TICKS]
    base = int(kept[0, ONSET] if len(kept) else now) // BAR * BAR
    decoder.rewind(0)
    decoder.feed(head)
    if len(kept):
        decoder.feed(note_rows(kept - (base, 0, 0, 0)))
    return base


def _without_long_silence(prompt: np.ndarray, seam: int) -> np.ndarray:
    """Return the prompt, brought nearer by whole bars where it was silent long before the seam."""
    if not len(prompt):
        return prompt
    silence = seam - int(prompt[:, ONSET].max()) - LONGEST_WAIT_BEATS * TICKS
    later = max(-(-silence // BAR), 0) * BAR
    return prompt + np.array([later, 0, 0, 0])


def _candidate(number: int, notes: list[tuple[int, ...]], told: float, end: int) -> Candidate:
    """Return what was made, nothing of it sounding beyond the end or into its own key again."""
    table = np.array(notes, np.int64).reshape(-1, 4)
    nll = told / len(notes) if notes else float("inf")
    table[:, 2] = np.minimum(table[:, 2], end - table[:, ONSET])
    for same in {(int(key), int(code)) for key, code in table[:, [KEY, PLAYER]]}:
        mine = np.flatnonzero((table[:, KEY] == same[0]) & (table[:, PLAYER] == same[1]))
        until = np.append(table[mine[1:], ONSET], end)
        table[mine, 2] = np.minimum(table[mine, 2], until - table[mine, ONSET])
    return Candidate(number, table, nll)
