"""Who plays: the ensemble and its parts, as far as it is no setting. [any]"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Part:
    """One part; its settings are in the mirror under `/ripieno/part/{number}/...`."""

    number: int  # from 1
    name: str
    program: int
    sound: str
    low: int
    high: int
    voices: tuple[str, ...] = ()

    def address(self, key: str) -> str:
        """The OSC address of one of its settings: gain, pan, mute, low ... [any]"""
        return f"/ripieno/part/{self.number}/{key}"


@dataclass(frozen=True)
class Ensemble:
    """The ensemble that plays now."""

    id: str = ""
    name: str = ""
    model: str = ""
    live_accuracy: tuple[tuple[float, float], ...] = ()  # chord window in ms, % of notes right
    parts: tuple[Part, ...] = ()


def read(state: dict[str, Any]) -> Ensemble:
    """The state's section. [any]"""
    return Ensemble(
        id=state["ensemble"],
        name=state["ensemble_name"],
        model=state["model"]["name"],
        live_accuracy=tuple((float(a), float(b)) for a, b in state["model"]["live_accuracy"]),
        parts=tuple(
            Part(
                number,
                part["name"],
                int(part["program"]),
                part["sound"],
                int(part["low"]),
                int(part["high"]),
                tuple(part["voices"]),
            )
            for number, part in enumerate(state["parts"], 1)
        ),
    )
