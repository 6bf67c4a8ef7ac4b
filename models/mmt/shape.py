"""What a network is made of: one frozen description that training, the fast step and ONNX share.

``heads`` says how the codes of a row are told: "together", each from the same hidden vector
(the dissertation's way), or "in turn", each knowing those told before it (ORDER: the instrument
before the pitch). ``positions`` says how rows know their places: "learned", a vector added for
each row number (the dissertation's way), or "rotary": keys and queries are turned by angles, half
of them following the row number and half the time in ticks, and a note's beat is told from the
beat of the note before. Nothing then depends on where a piece begins.
"""

from dataclasses import asdict, dataclass

import numpy as np

from models.errors import ModelError
from models.mmt.representation import (
    BEAT,
    DURATION,
    INSTRUMENT,
    PITCH,
    POSITION,
    SIZES,
    TYPE,
)

HEAD = 64  # numbers of a query, key or value
ORDER = (TYPE, BEAT, POSITION, INSTRUMENT, PITCH, DURATION)  # of the heads in turn
TOGETHER, IN_TURN = "together", "in turn"
LEARNED, ROTARY = "learned", "rotary"

# Ticks in which a time's angle goes round once: parts of a beat, bars of three and four, phrases.
WAVELENGTHS = (3, 4, 6, 8, 12, 24, 36, 48, 72, 96, 144, 192, 384, 768, 1536, 3072)
ROUND = 9216  # ticks after which all of them have come round


@dataclass(frozen=True)
class Shape:
    """Sizes of a network. The defaults are the dissertation's: 19,944,950 parameters."""

    layers: int = 6
    width: int = 512
    inner: int = 2048  # of the feed-forward layers
    rows: int = 1024  # the longest sequence
    heads: str = TOGETHER
    positions: str = LEARNED
    turn_width: int = 256  # of the heads in turn
    turn_inner: int = 256
    sizes: tuple[int, ...] = SIZES

    def __post_init__(self) -> None:
        for name, low, high, step in (
            ("layers", 1, 48, 1),
            ("width", HEAD, 4096, HEAD),
            ("inner", 64, 16384, 64),
            ("rows", 16, 16384, 16),
            ("turn_width", 64, 1024, 64),
            ("turn_inner", 64, 4096, 64),
        ):
            value = getattr(self, name)
            if not low <= value <= high or value % step:
                raise ModelError(
                    f"{name} must be {low} to {high} and a multiple of {step}, got {value}"
                )
        for name, values in (("heads", (TOGETHER, IN_TURN)), ("positions", (LEARNED, ROTARY))):
            if getattr(self, name) not in values:
                raise ModelError(f"{name} must be one of {values}, got '{getattr(self, name)}'")
        object.__setattr__(self, "sizes", tuple(int(size) for size in self.sizes))
        if self.sizes != SIZES and (self.heads, self.positions) != (TOGETHER, LEARNED):
            raise ModelError("only rows of the six fields can have heads in turn or rotary places")

    @property
    def starts(self) -> tuple[int, ...]:
        """Where each field's codes begin in a list of all fields' codes."""
        return tuple(int(n) for n in np.cumsum((0, *self.sizes[:-1])))

    def text(self) -> str:
        """Return the shape as one line, for files of weights."""
        return "; ".join(f"{key}={value}" for key, value in asdict(self).items() if key != "sizes")


def shape_of(text: str) -> Shape:
    """Return the Shape of what `text` once returned. ModelError if it is something else. [any]"""
    try:
        pairs = dict(pair.split("=", 1) for pair in text.split("; "))
        defaults = asdict(Shape())
        return Shape(**{key: type(defaults[key])(value) for key, value in pairs.items()})
    except (ValueError, KeyError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"'{text}' does not describe a network") from error


def array_shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Return name -> shape of a network's arrays, matrices as (outputs, inputs). [any]"""
    width, total = shape.width, sum(shape.sizes)
    arrays: dict[str, tuple[int, ...]] = {"embedding": (total, width)}
    if shape.positions == LEARNED:
        arrays["positions"] = (shape.rows, width)
    for i in range(shape.layers):
        arrays |= {
            f"layer{i}.norm1": (2, width),
            f"layer{i}.qkv": (3 * width, width),
            f"layer{i}.out": (width, width),
            f"layer{i}.out_bias": (width,),
            f"layer{i}.norm2": (2, width),
            f"layer{i}.up": (shape.inner, width),
            f"layer{i}.up_bias": (shape.inner,),
            f"layer{i}.down": (width, shape.inner),
            f"layer{i}.down_bias": (width,),
        }
    arrays["norm"] = (2, width)
    if shape.heads == TOGETHER:
        return arrays | {"logits": (total, width), "logits_bias": (total,)}
    turn, inner = shape.turn_width, shape.turn_inner
    arrays["turn_in"] = (turn, width)
    for field in ORDER:
        arrays |= {
            f"turn{field}.norm": (2, turn),
            f"turn{field}.up": (inner, turn),
            f"turn{field}.up_bias": (inner,),
            f"turn{field}.down": (turn, inner),
            f"turn{field}.down_bias": (turn,),
            f"turn{field}.logits": (shape.sizes[field], turn),
            f"turn{field}.logits_bias": (shape.sizes[field],),
        }
        if field != ORDER[-1]:
            arrays[f"turn{field}.embedding"] = (shape.sizes[field], turn)
    return arrays


def random_weights(shape: Shape, seed: int) -> dict[str, np.ndarray]:
    """Return weights of an untrained network: for tests and benchmarks. [any]"""
    random = np.random.default_rng(seed)
    weights = {}
    for name, sizes in array_shapes(shape).items():
        if "norm" in name:
            array = np.stack([np.ones(sizes[1]), np.zeros(sizes[1])])
        elif "bias" in name:
            array = random.normal(0, 0.02, sizes)
        elif "embedding" in name or name == "positions":
            array = random.normal(0, 0.4, sizes)
        else:
            array = random.normal(0, sizes[1] ** -0.5, sizes)
        weights[name] = array.astype(np.float32)
    return weights


def row_angles(rows: np.ndarray) -> np.ndarray:
    """Return what row numbers (n,) turn the first half of the pairs by: (n, HEAD // 4). [any]"""
    pairs = HEAD // 4
    return np.asarray(rows, np.float64)[:, None] * 10000.0 ** -(np.arange(pairs) / pairs)


def time_angles(ticks: np.ndarray) -> np.ndarray:
    """Return what times in ticks (n,) turn the other half by: (n, HEAD // 4). [any]"""
    return (np.asarray(ticks)[:, None] % ROUND) * (2 * np.pi / np.array(WAVELENGTHS))
