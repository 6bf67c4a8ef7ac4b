"""Music from any of the networks in PyTorch: what compares the representations, on CPU or GPU.

The dissertation's way of drawing: top-k of a tenth of each field's codes, types and beats never
going back. Sequences are drawn side by side with a key and value cache.
"""

import math
import time
from dataclasses import dataclass

import numpy as np
import torch

from models.mmt.representation import BEAT, END, INSTRUMENT, NOTE, NOTES, SIZES, TYPE, decode
from models.mmt.shape import IN_TURN, ORDER, ROTARY
from training.mmt.baselines import END_OF_SONG, MMM, MOST_BEATS, REMI
from training.mmt.network import Network


@dataclass(frozen=True)
class Draw:
    """Which codes of a field are drawn from. The dissertation's way: the likeliest tenth.

    `share` of all codes there are, the likeliest, 0 to 1; of these such as are at least `min_p`
    times as likely as the likeliest, 0 to 1.
    """

    share: float = 0.1
    min_p: float = 0.0


A_TENTH = Draw()


def kind_of(network: Network) -> str:
    """Return which representation a network writes."""
    return {SIZES: "mmt", (MMM.size,): "mmm", (REMI.size,): "remi"}[network.shape.sizes]


@torch.inference_mode()
def generate(
    network: Network,
    count: int,
    seed: int,
    most_rows: int | None = None,
    draw: Draw = A_TENTH,
) -> tuple[list[np.ndarray], float]:
    """Return the notes of `count` pieces made from nothing, and the notes a second they took."""
    network.eval()
    device = network.starts.device
    random = torch.Generator(device).manual_seed(seed)
    fields = len(network.shape.sizes)
    rows = torch.zeros(count, 1, fields, dtype=torch.long, device=device)
    done = torch.zeros(count, dtype=torch.bool, device=device)
    began = time.monotonic()
    cache = None
    for number in range(1, min(most_rows or network.shape.rows, network.shape.rows)):
        fed = rows if cache is None else rows[:, -1:]
        if network.shape.positions == ROTARY and cache is not None:
            fed = rows[:, -2:]
        hidden, cache = network(fed, cache, keep=True)
        if fields == 1:
            logits = network.logits(hidden[:, -1]).float()
            if kind_of(network) == "remi":  # the dissertation trims the baselines to 64 beats
                logits[:, REMI.beat + MOST_BEATS : REMI.position] = -torch.inf
            new = drawn(logits, random, draw)[:, None]
            done |= new[:, 0] == END_OF_SONG
        else:
            new = next_rows(network, hidden[:, -1], rows[:, -1], random, draw)
            done |= new[:, TYPE] == END
        new[done] = END_OF_SONG if fields == 1 else torch.tensor(_END_ROW, device=device)
        rows = torch.cat([rows, new[:, None]], 1)
        if done.all() or number >= network.shape.rows - 1:
            break
    pieces = [_notes(network, table) for table in rows.cpu().numpy()]
    return pieces, sum(map(len, pieces)) / (time.monotonic() - began)


_END_ROW = (END, 0, 0, 0, 0, 0)


def next_rows(
    network: Network,
    hidden: torch.Tensor,
    before: torch.Tensor,
    random: torch.Generator | None,
    draw: Draw = A_TENTH,
) -> torch.Tensor:
    """Return a row (batch, 6) after each of `before` (batch, 6) from hidden (batch, width)."""
    in_turn = network.shape.heads == IN_TURN
    rotary = network.shape.positions == ROTARY
    state = network.turns.enter_row(hidden) if in_turn else hidden
    parts = () if in_turn else network.logits(hidden).float().split(SIZES, -1)
    row = torch.zeros_like(before)
    last_beat = before[:, BEAT].clamp(min=1)
    for place, field in enumerate(ORDER):
        if in_turn:
            logits, state = network.turns.tell(place, state)
        else:
            logits = parts[field]
        codes = torch.arange(SIZES[field], device=hidden.device)
        if field == TYPE:
            once = (before[:, TYPE] == 0) | (before[:, TYPE] == NOTES)
            allowed = codes >= (before[:, TYPE] + once)[:, None]
        else:
            allowed = (codes > 0).expand(len(before), -1)
            if field == BEAT and rotary:
                allowed = allowed & (codes <= (SIZES[BEAT] - last_beat)[:, None])
            elif field == BEAT:
                allowed = allowed & (codes >= last_beat[:, None])
            elif field == INSTRUMENT:
                rising = (row[:, TYPE] == 1) * before[:, INSTRUMENT]
                allowed = allowed & (codes > rising.clamp(max=SIZES[INSTRUMENT] - 2)[:, None])
        code = drawn(logits.masked_fill(~allowed, -torch.inf), random, draw)
        wanted = row[:, TYPE] == NOTE
        if field == TYPE:
            wanted = torch.ones_like(wanted)
        elif field == INSTRUMENT:
            wanted = wanted | (row[:, TYPE] == 1)
        code = torch.where(wanted, code, 0)
        if in_turn:
            state = network.turns.hear(place, state, code)
        if field == BEAT and rotary:
            code = torch.where(wanted, code + last_beat - 1, 0)
        row[:, field] = code
    return row


def drawn(
    logits: torch.Tensor, random: torch.Generator | None, draw: Draw = A_TENTH
) -> torch.Tensor:
    """Return a code a row (batch,)."""
    top, which = logits.topk(math.ceil(round(draw.share * logits.shape[-1], 9)), -1)
    likely = top.softmax(-1)
    likely = likely.where(likely >= draw.min_p * likely[:, :1], 0)
    place = torch.multinomial(likely, 1, generator=random)
    return which.gather(-1, place)[:, 0]


def _notes(network: Network, rows: np.ndarray) -> np.ndarray:
    kind = kind_of(network)
    if kind == "mmt":
        return decode(rows)
    return (MMM if kind == "mmm" else REMI).decode(rows[:, 0])
