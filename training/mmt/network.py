"""The network in PyTorch: six pre-norm decoder layers over the sum of a row's six embeddings.

Section 3.3.2 of Dong's dissertation, and the two changes models.mmt.shape describes. The
baselines are the same network over rows of a single field.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from models.mmt.representation import BEAT, BEATS, NOTE, POSITION, TICKS, TYPE
from models.mmt.shape import (
    HEAD,
    IN_TURN,
    LEARNED,
    ORDER,
    ROTARY,
    TOGETHER,
    WAVELENGTHS,
    Shape,
    array_shapes,
    row_angles,
)

Cache = list[tuple[torch.Tensor, torch.Tensor]]  # keys, values (batch, heads, rows, HEAD) a layer


class Network(nn.Module):
    """Rows in, the hidden vector that tells the next row out; the heads turn it into codes."""

    def __init__(self, shape: Shape, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(sum(shape.sizes), shape.width)
        if shape.positions == LEARNED:
            self.positions = nn.Embedding(shape.rows, shape.width)
        self.layers = nn.ModuleList(Layer(shape, dropout) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        self.dropout = nn.Dropout(dropout)
        if shape.heads == TOGETHER:
            self.logits = nn.Linear(shape.width, sum(shape.sizes))
        else:
            self.turns = Turns(shape)
        self.starts: torch.Tensor
        self.register_buffer("starts", torch.tensor(shape.starts), persistent=False)
        self.by_row: torch.Tensor
        self.register_buffer("by_row", torch.tensor(row_angles(np.ones(1))[0]).float(), False)
        self.waves: torch.Tensor
        self.register_buffer("waves", torch.tensor(WAVELENGTHS), False)
        nn.init.normal_(self.embedding.weight, std=math.sqrt(2 / shape.width))

    def forward(
        self, rows: torch.Tensor, cache: Cache | None = None, keep: bool = False
    ) -> tuple[torch.Tensor, Cache]:
        """rows (batch, n, fields) -> hidden (batch, n, width), and the cache if `keep`.

        `cache` is what an earlier call over the rows before these returned. Networks with rotary
        positions read rows as they are and work out the advances themselves: they then need the
        whole sequence, or `cache` and the row before these as the first of `rows`.
        """
        before = 0 if cache is None else cache[0][0].shape[2]
        codes, ticks = rows, None
        if self.shape.positions == ROTARY:
            codes, ticks = advances(rows), times(rows)
            if cache is not None:
                codes, ticks = codes[:, 1:], ticks[:, 1:]
        x = self.embedding(codes + self.starts).sum(2)
        places = torch.arange(before, before + x.shape[1], device=x.device)
        if self.shape.positions == LEARNED:
            x = x + self.positions(places) * self.shape.width**-0.5
        turn = None if ticks is None else self.rotation(places, ticks)
        x = self.dropout(x)
        kept: Cache = []
        for i, layer in enumerate(self.layers):
            x, pair = layer(x, turn, None if cache is None else cache[i])
            if keep:
                kept.append(pair)
        return self.norm(x), kept

    def rotation(
        self, places: torch.Tensor, ticks: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return cosine and sine (batch, 1, n, HEAD // 2) for rows (n,) and times (batch, n)."""
        rows = (places[:, None] * self.by_row).expand(ticks.shape[0], -1, -1)
        by_tick = (ticks[..., None] % self.waves) * (2 * math.pi / self.waves)
        angles = torch.cat([rows, by_tick], -1)[:, None]
        return angles.cos(), angles.sin()

    def log_probabilities(self, hidden: torch.Tensor, following: torch.Tensor) -> torch.Tensor:
        """Return the log-probability of each code of the rows that follow: (batch, n, fields).

        hidden (batch, n, width) of the rows before; following (batch, n, fields) as the network
        writes them (for rotary positions: `advances`).
        """
        if self.shape.heads == IN_TURN:
            return self.turns(hidden, following)
        parts = self.logits(hidden).float().split(self.shape.sizes, -1)
        told = [
            -functional.cross_entropy(
                part.flatten(0, -2), following[..., field].flatten(), reduction="none"
            )
            for field, part in enumerate(parts)
        ]
        return torch.stack(told, -1).view(following.shape)

    def nll(self, rows: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return the summed negative log-likelihood (fields,) of rows (batch, n, fields).

        Counts the rows after the first of each sequence, up to its length: no padding.
        """
        hidden, _ = self(rows[:, :-1])
        following = rows[:, 1:]
        if self.shape.positions == ROTARY:
            following = advances(rows)[:, 1:]
        counts = torch.arange(1, rows.shape[1], device=rows.device) < lengths[:, None]
        told = self.log_probabilities(hidden, following)
        return -torch.where(counts[..., None], told, 0.0).sum((0, 1))


class Layer(nn.Module):
    """Attention and feed-forward, each after a norm and added to what came in."""

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(shape.width)
        self.qkv = nn.Linear(shape.width, 3 * shape.width, bias=False)
        self.out = nn.Linear(shape.width, shape.width)
        self.norm2 = nn.LayerNorm(shape.width)
        self.up = nn.Linear(shape.width, shape.inner)
        self.down = nn.Linear(shape.inner, shape.width)
        self.dropout = dropout
        self.attention: torch.Tensor | None = None  # kept where it is asked for
        self.watched = False

    def forward(self, x, turn, cache):
        batch, n, width = x.shape
        q, k, v = (
            self.qkv(self.norm1(x)).view(batch, n, 3, width // HEAD, HEAD).permute(2, 0, 3, 1, 4)
        )
        if turn is not None:
            q, k = turned(q, turn), turned(k, turn)
        if cache is not None:
            k, v = torch.cat([cache[0], k], 2), torch.cat([cache[1], v], 2)
        p = self.dropout if self.training else 0.0
        if self.watched:
            self.attention = weights_of(q, k)
        if cache is None:
            y = attend(q, k, v, p)
        else:  # every new row sees the cache and the new rows up to itself
            seen = torch.ones(n, k.shape[2], dtype=torch.bool, device=x.device).tril(k.shape[2] - n)
            y = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen, dropout_p=p)
        y = self.out(y.transpose(1, 2).reshape(batch, n, width))
        x = x + functional.dropout(y, self.dropout, self.training)
        y = functional.gelu(self.up(self.norm2(x)))
        y = self.down(functional.dropout(y, self.dropout, self.training))
        return x + functional.dropout(y, self.dropout, self.training), (k, v)


class Turns(nn.Module):
    """The codes of a row one after another, each from the hidden vector and those before it.

    Unlearnt, they are heads together: the state is the hidden vector, turned, and neither codes nor
    feed-forward layers add to it. What the codes say is learnt from there. With embeddings of the
    usual size, noise of five codes drowns the hidden vector, which costs hundreds of updates.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        turn, inner = shape.turn_width, shape.turn_inner
        self.enter = nn.Linear(shape.width, turn, bias=False)
        self.norm = nn.ModuleList(nn.LayerNorm(turn) for _ in ORDER)
        self.up = nn.ModuleList(nn.Linear(turn, inner) for _ in ORDER)
        self.down = nn.ModuleList(nn.Linear(inner, turn) for _ in ORDER)
        self.logits = nn.ModuleList(nn.Linear(turn, shape.sizes[field]) for field in ORDER)
        self.told = nn.ModuleList(nn.Embedding(shape.sizes[field], turn) for field in ORDER[:-1])
        nn.init.orthogonal_(self.enter.weight)
        for parameter in (*self.told.parameters(), *self.down.parameters()):
            nn.init.zeros_(parameter)

    def enter_row(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the state (..., turn) in which the first code is told."""
        return self.enter(hidden)

    def tell(self, place: int, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits of the field ORDER[place], and the state after thinking of it."""
        y = functional.gelu(self.up[place](self.norm[place](state)))
        state = state + self.down[place](y)
        return self.logits[place](state).float(), state

    def hear(self, place: int, state: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Return the state that knows the code chosen for the field ORDER[place]."""
        return state + self.told[place](codes) if place < len(self.told) else state

    def forward(self, hidden: torch.Tensor, following: torch.Tensor) -> torch.Tensor:
        state = self.enter_row(hidden)
        told: list[torch.Tensor] = [hidden] * len(ORDER)
        for place, field in enumerate(ORDER):
            logits, state = self.tell(place, state)
            codes = following[..., field]
            told[field] = -functional.cross_entropy(
                logits.flatten(0, -2), codes.flatten(), reduction="none"
            ).view(codes.shape)
            state = self.hear(place, state, codes)
        return torch.stack(told, -1)


def advances(rows: torch.Tensor) -> torch.Tensor:
    """Return rows (batch, n, 6) with beats told from the note before: with_advances in torch.

    The first note of what is given is told from beat 0, or from the note right above if `rows`
    begins inside the notes: its own value is then of no use.
    """
    beat, note = rows[..., BEAT], rows[..., TYPE] == NOTE
    earlier = torch.cat([torch.ones_like(beat[:, :1]), beat[:, :-1].clamp(min=1)], 1)
    told = torch.where(note, (beat - earlier).clamp(0, BEATS - 1) + 1, beat)
    return torch.cat([rows[..., :BEAT], told[..., None], rows[..., BEAT + 1 :]], -1)


def times(rows: torch.Tensor) -> torch.Tensor:
    """Return the time in ticks of rows (batch, n, 6), 0 where there is none: (batch, n)."""
    onset = (rows[..., BEAT] - 1) * TICKS + rows[..., POSITION] - 1
    return torch.where(rows[..., TYPE] == NOTE, onset, 0)


def turned(x: torch.Tensor, turn: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Return x (batch, heads, n, HEAD) with its pairs (i, i + HEAD // 2) turned."""
    a, b = x.chunk(2, -1)
    cos, sin = turn[0].to(x.dtype), turn[1].to(x.dtype)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, dropout: float) -> torch.Tensor:
    """Return the causal attention of whole sequences, (batch, heads, n, HEAD).

    On a CPU that learns, by matrix products: in bfloat16 twice as fast as the fused kernel there.
    """
    if q.device.type != "cpu" or not torch.is_grad_enabled():
        return functional.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
    n = q.shape[2]
    unseen = torch.full((n, n), -1e4, dtype=q.dtype).triu(1)
    flat = [x.reshape(-1, n, HEAD) for x in (q, k, v)]
    scores = torch.baddbmm(
        unseen.expand(len(flat[0]), n, n), flat[0], flat[1].transpose(1, 2), alpha=HEAD**-0.5
    )
    return (functional.dropout(scores.softmax(-1), dropout) @ flat[2]).view(q.shape)


def weights_of(q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    """Return the attention weights (batch, heads, n, n) of whole sequences."""
    scores = (q @ k.transpose(-1, -2)).float() * HEAD**-0.5
    unseen = torch.ones_like(scores, dtype=torch.bool).triu(1)
    return scores.masked_fill(unseen, -torch.inf).softmax(-1)


def exported(network: Network) -> dict[str, np.ndarray]:
    """Return the weights as float32 by the names models.mmt.shape.array_shapes gives them."""
    arrays = {}
    for name, parameter in _by_name(network).items():
        pair = isinstance(parameter, tuple)
        tensor = torch.stack(parameter) if pair else parameter
        arrays[name] = tensor.detach().float().cpu().numpy().copy()
    expected = array_shapes(network.shape)
    assert {name: array.shape for name, array in arrays.items()} == expected
    return arrays


def imported(shape: Shape, arrays: dict[str, np.ndarray]) -> Network:
    """Return the network whose `exported` these arrays are."""
    network = Network(shape)
    with torch.no_grad():
        for name, parameter in _by_name(network).items():
            parts = parameter if isinstance(parameter, tuple) else (parameter,)
            values = arrays[name] if isinstance(parameter, tuple) else (arrays[name],)
            for part, value in zip(parts, values, strict=True):
                part.copy_(torch.from_numpy(np.asarray(value)))
    return network.eval()


def _by_name(network: Network) -> dict[str, torch.Tensor | tuple[torch.Tensor, torch.Tensor]]:
    named: dict = {"embedding": network.embedding.weight}
    if network.shape.positions == LEARNED:
        named["positions"] = network.positions.weight
    for i, layer in enumerate(network.layers):
        assert isinstance(layer, Layer)
        named |= {
            f"layer{i}.norm1": (layer.norm1.weight, layer.norm1.bias),
            f"layer{i}.qkv": layer.qkv.weight,
            f"layer{i}.out": layer.out.weight,
            f"layer{i}.out_bias": layer.out.bias,
            f"layer{i}.norm2": (layer.norm2.weight, layer.norm2.bias),
            f"layer{i}.up": layer.up.weight,
            f"layer{i}.up_bias": layer.up.bias,
            f"layer{i}.down": layer.down.weight,
            f"layer{i}.down_bias": layer.down.bias,
        }
    named["norm"] = (network.norm.weight, network.norm.bias)
    if network.shape.heads == TOGETHER:
        return named | {"logits": network.logits.weight, "logits_bias": network.logits.bias}
    turns = network.turns
    named["turn_in"] = turns.enter.weight
    for place, field in enumerate(ORDER):
        norm, up, down, logits = (
            part[place] for part in (turns.norm, turns.up, turns.down, turns.logits)
        )
        named |= {
            f"turn{field}.norm": (norm.weight, norm.bias),
            f"turn{field}.up": up.weight,
            f"turn{field}.up_bias": up.bias,
            f"turn{field}.down": down.weight,
            f"turn{field}.down_bias": down.bias,
            f"turn{field}.logits": logits.weight,
            f"turn{field}.logits_bias": logits.bias,
        }
        if place < len(turns.told):
            named[f"turn{field}.embedding"] = turns.told[place].weight
    return named
