"""A network that plays on: rows are fed to it, and it tells or draws what follows.

One object, one thread. Going back is `rewind`; what was fed before stays known. Used by whoever
continues music, by the evaluation and by the benchmarks.
"""

from copy import copy
from pathlib import Path

import numpy as np
from numba import njit

from models import registry
from models.errors import ModelError
from models.mmt.quantise import Weights, laid_out, quantised, read_file
from models.mmt.representation import END, FIELDS, TYPE, with_advances
from models.mmt.sampling import (
    _IN_ORDER,
    _SIZE_OF,
    _START_OF,
    Draw,
    Rules,
    draw_row,
    kind_of,
    packed,
)
from models.mmt.shape import Shape
from models.mmt.step import (
    SLICE,
    enter_turns,
    feed,
    hear_turn,
    new_state,
    tell_together,
    tell_turn,
)

_NOBODY_LOOKS = np.zeros(0, np.float32)
SHIPPED = "mmt_small"  # of the registry: what plays on where no other is named


class Decoder:
    """A network and what it has heard: `count` rows, of which `rows` are the codes."""

    def __init__(self, weights: dict[str, np.ndarray], shape: Shape) -> None:
        """`weights` as models.mmt.quantise.quantised makes them. [main]"""
        self.shape = shape
        self.weights: Weights = laid_out(weights, shape)
        self.state = new_state(shape)
        self.rows = np.zeros((shape.rows, len(FIELDS)), np.int64)
        self.count = 0
        self._in_turn, self._rotary = kind_of(shape)
        self._uniforms = np.zeros(len(FIELDS))
        self._next = np.zeros(len(FIELDS), np.int64)
        self._slice_row = -1  # of the hidden row that tells what follows

    def twin(self) -> "Decoder":
        """Return another that has heard nothing, of the same weights in memory. [main]"""
        other = copy(self)
        other.state = new_state(self.shape)
        other.rows = np.zeros_like(self.rows)
        other._uniforms, other._next = np.zeros_like(self._uniforms), np.zeros_like(self._next)
        other.count, other._slice_row = 0, -1
        return other

    @property
    def room(self) -> int:
        """How many rows can still be fed. [worker]"""
        return self.shape.rows - self.count

    def rewind(self, count: int) -> None:
        """Forget the rows from number `count` on; the last that stays must be fed again.

        `count` rows stay and nothing can be told before more are fed. [worker]
        """
        if not 0 <= count <= self.count:
            raise ModelError(f"rows to keep must be 0 to {self.count}, got {count}")
        self.count = count
        self._slice_row = -1

    def feed(self, rows: np.ndarray) -> None:
        """Take the rows (n, 6) that follow those fed so far, slice by slice. [worker]"""
        rows = np.asarray(rows, np.int64).reshape(-1, len(FIELDS))
        if len(rows) > self.room:
            raise ModelError(f"{len(rows)} rows do not fit: there is room for {self.room}")
        for begin in range(0, len(rows), SLICE):
            self.feed_slice(rows[begin : begin + SLICE])

    def feed_slice(self, rows: np.ndarray) -> None:
        """Take at most 16 rows (n, 6) int64 that follow; there must be room. [worker]"""
        n, first = len(rows), self.count
        self.rows[first : first + n] = rows
        self._run(n, first)
        self.count = first + n
        self._slice_row = n - 1

    def _run(self, count: int, first: int) -> None:
        """Put the rows number `first` and on through the layers; leave state.hidden."""
        feed(self.weights, self.state, self.rows, count, first, _NOBODY_LOOKS)

    def attention(self, row: int) -> np.ndarray:
        """Return how much row `row` gathered from itself and each row before it. [worker]

        (row + 1,) float32, its sum 1: the mean over all heads of all layers. What that row told of
        the next was drawn from this. Takes as long as feeding a row; nothing else changes.
        """
        if not 0 <= row < self.count:
            raise ModelError(f"a row to look at must be 0 to {self.count - 1}, got {row}")
        shares = np.zeros(row + 1, np.float32)
        kept = self.state.hidden[0].copy()
        feed(self.weights, self.state, self.rows, 1, row, shares)
        self.state.hidden[0] = kept
        return shares / np.float32(self.state.keys.shape[0] * self.state.keys.shape[1])

    def next(self, draw: Draw, random: np.random.Generator) -> tuple[np.ndarray, float]:
        """Return a drawn row (6,) that may follow, not fed yet, and its log-probability. [worker]

        The row is overwritten by the next call.
        """
        if self._slice_row < 0:
            raise ModelError("nothing has been fed that a row could follow")
        random.random(out=self._uniforms)
        told = draw_row(
            self.weights,
            self.state,
            self._slice_row,
            self._in_turn,
            self._rotary,
            self.rows[self.count - 1],
            draw,
            self._uniforms,
            self._next,
        )
        return self._next, told

    def generate(
        self, rules: Rules, random: np.random.Generator, most_rows: int | None = None
    ) -> np.ndarray:
        """Feed what is drawn until the end or the last row; return the new rows (n, 6). [worker]"""
        draw = packed(rules)
        begin = self.count
        last = min(self.shape.rows, begin + (self.shape.rows if most_rows is None else most_rows))
        while self.count < last:
            row, _ = self.next(draw, random)
            if row[TYPE] == END:
                return np.concatenate([self.rows[begin : self.count], row[None]])
            self.feed_slice(row[None])
        return self.rows[begin : self.count].copy()

    def log_probabilities(self, rows: np.ndarray) -> np.ndarray:
        """Return the log-probability of each code of a whole sequence's rows after the first.

        rows (n, 6) -> (n - 1, 6). What was fed before is forgotten. [worker]
        """
        self.rewind(0)
        rows = np.asarray(rows, np.int64)
        told = np.zeros((len(rows) - 1, len(FIELDS)))
        following = with_advances(rows) if self._rotary else rows
        for begin in range(0, len(rows) - 1, SLICE):
            piece = rows[begin : min(begin + SLICE, len(rows) - 1)]
            self.feed_slice(piece)
            _tell(
                self.weights,
                self.state,
                self._in_turn,
                following[begin + 1 : begin + 1 + len(piece)],
                told[begin : begin + len(piece)],
            )
        return told


def load(path: Path) -> Decoder:
    """Return a Decoder of a file that models.mmt.quantise.write_file wrote. [main]"""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    shape, arrays = read_file(content, str(path))
    return Decoder(arrays, shape)


def shipped(name: str = SHIPPED) -> Decoder:
    """Return a Decoder of a registered model that continues music, its sha256 checked. [main]"""
    entry = registry.find_continuation(name)
    shape, arrays = read_file(registry.content(entry), str(entry.file))
    return Decoder(arrays, shape)


def is_compiled() -> bool:
    """Whether this computer has the machine code of the step already. [main]"""
    folder = feed.stats.cache_path
    return folder is not None and any(Path(folder).glob("step.feed-*.nbi"))


def from_floats(arrays: dict[str, np.ndarray], shape: Shape) -> Decoder:
    """Return a Decoder of float32 arrays as models.mmt.shape.array_shapes lists them. [main]"""
    return Decoder(quantised(arrays, shape), shape)


@njit(nogil=True, error_model="numpy", cache=True)
def _tell(w, s, in_turn, following, told):
    """Write the log-probability of each code of `following`, a row for each row of the slice."""
    for r in range(following.shape[0]):
        if in_turn:
            enter_turns(w, s, r)
        else:
            tell_together(w, s, r)
        for place in range(_IN_ORDER.size):
            field = _IN_ORDER[place]
            size = _SIZE_OF[field]
            code = following[r, field]
            if in_turn:
                tell_turn(w, s, place)
                logits = s.logits[:size]
            else:
                logits = s.logits[_START_OF[field] : _START_OF[field] + size]
            top = logits.max()
            told[r, field] = logits[code] - top - np.log(np.exp(logits - top).sum())
            if in_turn and place + 1 < _IN_ORDER.size:
                hear_turn(w, s, field, code)
