"""The study's networks: what a note looks like to them, the LSTMs, the Transformers.

The sizes are the paper's: three layers, 128 hidden units (BiLSTM: 64 each way), for Transformers
8 heads and 256 units within. Two choices are ours. Transformers turn queries and keys by the
note's number in the piece (rotary positions), and normalise before a layer, not after it. The
layers' products are taken in bfloat16 while training.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from training.part_separation.study.corpora import LONGEST_STEPS, STEPS

HIDDEN, LAYERS, HEADS, INNER = 128, 3, 8, 256
LATEST = 4096  # beats, or steps where time is not told in beats
TIMES = ("beat and position embedding", "time embedding", "raw beat and position", "raw time")
MODELS = ("lstm", "bilstm", "decoder", "encoder")


@dataclass(frozen=True)
class Inputs:
    """What the network is told of each note besides its pitch and onset."""

    embedding: bool = True  # of pitch and time; else plain numbers
    time: str = TIMES[0]
    duration: bool = False
    entry_hints: bool = False
    pitch_hints: bool = False

    def __post_init__(self) -> None:
        if self.time not in TIMES:
            raise ValueError(f"time must be one of {', '.join(TIMES)}, got {self.time}")


@dataclass(frozen=True)
class Notes:
    """What is known of a piece's notes: columns (n,) int64 and hints (n, K) float32."""

    pitch: np.ndarray
    onset: np.ndarray
    duration: np.ndarray
    entered: np.ndarray  # 1 from the onset of a part's first note on
    mean_pitch: np.ndarray  # of each part, in semitones; 0 where the part is silent
    part: np.ndarray

    def cut(self, start: int, end: int) -> "Notes":
        return Notes(*(column[start:end] for column in vars(self).values()))

    def transposed(self, semitones: int) -> "Notes":
        """Return the notes in another key, the pitch hints along with them."""
        silent = self.mean_pitch == 0
        mean_pitch = np.where(silent, 0, self.mean_pitch + semitones).astype(np.float32)
        return replace(self, pitch=self.pitch + semitones, mean_pitch=mean_pitch)


def of_piece(notes: np.ndarray, classes: int) -> Notes:
    """Return the columns and hints of notes (n, 4): onset, duration (steps), pitch, part."""
    onset, duration, pitch, part = notes.astype(np.int64).T
    entered = np.zeros((len(notes), classes), np.float32)
    mean_pitch = np.zeros((len(notes), classes), np.float32)
    for k in range(classes):
        mine = part == k
        if mine.any():
            entered[:, k] = onset >= onset[mine].min()
            mean_pitch[:, k] = pitch[mine].mean()
    return Notes(pitch, onset, duration, entered, mean_pitch, part)


def stacked(rows: list[Notes]) -> tuple[dict[str, Tensor], Tensor]:
    """Return columns (batch, step) and hints (batch, step, K), 0 beyond a row's end; and where
    there are notes (batch, step) bool."""
    longest = max(len(row.pitch) for row in rows)
    columns = {}
    for name, first in vars(rows[0]).items():
        full = np.zeros((len(rows), longest, *first.shape[1:]), first.dtype)
        for i, row in enumerate(rows):
            full[i, : len(row.pitch)] = getattr(row, name)
        columns[name] = torch.from_numpy(full)
    there = torch.arange(longest) < torch.tensor([len(row.pitch) for row in rows])[:, None]
    return columns, there


class NoteInput(nn.Module):
    """Columns of notes -> (batch, step, size) float32, the features side by side."""

    def __init__(self, inputs: Inputs, classes: int) -> None:
        super().__init__()
        self.inputs = inputs
        self.pitch = nn.Embedding(128, 16)
        self.position = nn.Embedding(STEPS, 16)
        self.duration = nn.Embedding(LONGEST_STEPS + 1, 16)
        self.wave: Tensor
        self.register_buffer("wave", sinusoid(LATEST + 1, 16))
        hints = classes * (inputs.entry_hints + inputs.pitch_hints)
        pitch = 16 if inputs.embedding else 1
        sizes: dict[str, int] = dict(zip(TIMES, (32, 16, 2, 1), strict=True))
        duration = (16 if inputs.embedding else 1) * inputs.duration
        self.time = inputs.time if inputs.embedding else TIMES[2]
        self.size = pitch + 1 + sizes[self.time] + duration + hints

    def forward(self, notes: dict[str, Tensor]) -> Tensor:
        pitch, onset = notes["pitch"], notes["onset"]
        duration = notes["duration"].clamp(max=LONGEST_STEPS)
        hertz = torch.exp2((pitch[..., None] - 127) / 12)  # a share of the highest
        parts = [self.pitch(pitch) if self.inputs.embedding else pitch[..., None] / 127, hertz]
        beat, position = (onset // STEPS).clamp(max=LATEST), onset % STEPS
        if self.time == TIMES[0]:
            parts += [self.wave[beat], self.position(position)]
        elif self.time == TIMES[1]:
            parts += [self.wave[onset.clamp(max=LATEST)]]
        elif self.time == TIMES[2]:
            parts += [beat[..., None] / LATEST, position[..., None] / STEPS]
        else:
            parts += [onset.clamp(max=LATEST)[..., None] / LATEST]
        if self.inputs.duration and self.inputs.embedding:
            parts += [self.duration(duration)]
        elif self.inputs.duration:
            parts += [duration[..., None] / LONGEST_STEPS]
        if self.inputs.entry_hints:
            parts += [notes["entered"]]
        if self.inputs.pitch_hints:
            parts += [notes["mean_pitch"] / 127]
        return torch.cat(parts, -1)


def sinusoid(count: int, size: int) -> Tensor:
    """Return (count, size): sines and cosines, from a period of 2 pi to one of 20,000 pi."""
    rate = torch.exp(torch.arange(size // 2) * (-math.log(10000.0) / (size // 2)))
    angle = torch.arange(count)[:, None] * rate
    return torch.cat([angle.sin(), angle.cos()], 1)


class Recurrent(nn.Module):
    """LSTM layers, each followed by layer normalisation and dropout."""

    def __init__(self, inputs: Inputs, classes: int, both_ways: bool, dropout: float) -> None:
        super().__init__()
        self.input = NoteInput(inputs, classes)
        units = HIDDEN // 2 if both_ways else HIDDEN
        self.layers = nn.ModuleList(
            nn.LSTM(size, units, bidirectional=both_ways, batch_first=False)
            for size in (self.input.size, *[HIDDEN] * (LAYERS - 1))
        )
        self.norms = nn.ModuleList(nn.LayerNorm(HIDDEN) for _ in range(LAYERS))
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(HIDDEN, classes)

    def forward(self, notes: dict[str, Tensor], there: Tensor) -> Tensor:
        """Return logits (batch, step, K)."""
        x = (self.input(notes) * there[..., None]).transpose(0, 1)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.training):
            for layer, norm in zip(self.layers, self.norms, strict=True):
                x = self.dropout(norm(layer(x)[0]))
        return self.output(x.transpose(0, 1).float())


class Transformer(nn.Module):
    """Self-attention over notes; with `causal` a note sees none after itself."""

    def __init__(self, inputs: Inputs, classes: int, causal: bool, dropout: float) -> None:
        super().__init__()
        self.input = NoteInput(inputs, classes)
        self.causal = causal
        self.enter = nn.Linear(self.input.size, HIDDEN)
        self.blocks = nn.ModuleList(Block(dropout) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(HIDDEN)
        self.output = nn.Linear(HIDDEN, classes)

    def forward(self, notes: dict[str, Tensor], there: Tensor) -> Tensor:
        """Return logits (batch, step, K)."""
        steps = there.shape[1]
        mask = None  # causal: what is beyond a row's end comes later than its notes anyway
        if not self.causal:
            mask = torch.zeros(there.shape).masked_fill(~there, -math.inf)[:, None, None, :]
        turn = rotation(steps)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.training):
            x = self.enter(self.input(notes)).float()
            for block in self.blocks:
                x = block(x, mask, turn)
        return self.output(self.norm(x).float())


class Block(nn.Module):
    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.heads = nn.Linear(HIDDEN, 3 * HIDDEN)
        self.attended = nn.Linear(HIDDEN, HIDDEN)
        self.inner = nn.Linear(HIDDEN, INNER)
        self.outer = nn.Linear(INNER, HIDDEN)
        self.norms = nn.ModuleList(nn.LayerNorm(HIDDEN) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None, turn: Tensor) -> Tensor:
        batch, steps, _ = x.shape
        split = self.heads(self.norms[0](x)).view(batch, steps, 3, HEADS, HIDDEN // HEADS)
        split = split.permute(2, 0, 3, 1, 4).float().contiguous()
        q, k = turned(split[:2], turn)
        with torch.autocast("cpu", enabled=False):  # slower in bfloat16
            y = nn.functional.scaled_dot_product_attention(
                q, k, split[2], attn_mask=mask, is_causal=mask is None
            )
        y = y.transpose(1, 2).reshape(batch, steps, HIDDEN)
        x = x + self.dropout(self.attended(y))
        return x + self.dropout(self.outer(self.inner(self.norms[1](x)).relu()))


def rotation(steps: int) -> Tensor:
    """Return complex (steps, half a head): what a step turns a pair of numbers by."""
    half = HIDDEN // HEADS // 2
    rate = torch.exp(torch.arange(half) * (-math.log(1000.0) / half))
    angle = torch.arange(steps)[:, None] * rate
    return torch.complex(angle.cos(), angle.sin())


def turned(x: Tensor, turn: Tensor) -> Tensor:
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turn).flatten(-2)


def new_model(name: str, inputs: Inputs, classes: int, dropout: float) -> Recurrent | Transformer:
    if name in ("lstm", "bilstm"):
        return Recurrent(inputs, classes, name == "bilstm", dropout)
    if name in ("decoder", "encoder"):
        return Transformer(inputs, classes, name == "decoder", dropout)
    raise ValueError(f"model must be one of {', '.join(MODELS)}, got {name}")
