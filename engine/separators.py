"""Part-separation networks ready for the callback: those of the rigs that play or are to come.

Made outside the callback, on the thread that asks: reading, checking and multiplying out weights
takes a tenth of a second. `engine.rig_memory` gives one to the callback.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.errors import RipienoError
from engine.rt.network import new_network, random_weights
from models import registry
from models.errors import ModelError
from models.registry import Model


@dataclass(frozen=True)
class Separator:
    """A network's weights as the callback reads them; `classes` 0 has notes given by rules alone.

    `middle_pitches`: the key each class plays about, where the closest-pitch rule starts.
    """

    weights: np.ndarray
    classes: int
    middle_pitches: tuple[int, ...]

    @classmethod
    def of(
        cls, weights: dict[str, np.ndarray] | None, middle_pitches: Sequence[int] | None = None
    ) -> Separator:
        """Of arrays by name; None is no network. ValueError names what is not a network's. [any]"""
        network = random_weights(4, seed=0) if weights is None else weights
        flat = new_network(network)[0]
        count = len(network["output_bias"])
        spread = tuple(round(pitch) for pitch in np.linspace(72, 48, count))
        middles = tuple(int(pitch) for pitch in middle_pitches or spread)
        if len(middles) != count:
            raise ValueError(f"middle_pitches must be {count} keys, got {len(middles)}")
        return cls(flat, count if weights is not None else 0, middles)


class Separators:
    """The registered models that are at hand: the one in use and those announced."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready: dict[str, tuple[Model, Separator]] = {}

    def get(self, name: str) -> tuple[Model, Separator]:
        """A model, read if it is not at hand. RipienoError says why it cannot be had. [worker]"""
        with self._lock:
            if name not in self._ready:
                self._ready[name] = _read(name)
            return self._ready[name]

    def keep(self, names: Iterable[str]) -> None:
        """Have exactly these at hand. RipienoError as above. [worker]"""
        wanted = set(names)
        for name in wanted:
            self.get(name)
        with self._lock:
            self._ready = {name: self._ready[name] for name in wanted if name in self._ready}


def _read(name: str) -> tuple[Model, Separator]:
    try:
        model = registry.find(name)
        return model, Separator.of(registry.load(model), model.middle_pitches)
    except ModelError as error:
        raise RipienoError(str(error)) from error
    except ValueError as error:
        raise RipienoError(f"the model '{name}' cannot be used: {error}") from error
