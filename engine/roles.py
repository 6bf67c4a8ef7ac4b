"""Which part plays which of a model's voices, where an ensemble's file does not say. [any]

Every voice goes to one part; a part gets several only if there are fewer parts than voices, and
none is left without then. Of all ways the one that costs least is taken, in semitones:

- half the way from the voice's middle key to the middle of the part's range;
- four times what of the voice's usual keys (REACH to each side of its middle) the part lacks;
- FOREIGN for a voice that is not the part's role: melody is the highest voice, bass the lowest,
  inner any other. Parts of role none, percussion and parts that double another get nothing.

Equal costs are settled by the score: the higher part takes the higher voice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

REACH = 8
LACK = 4.0
FOREIGN = 48.0
IN_SCORE_ORDER = 1e-3
ROLES = ("", "melody", "inner", "bass", "none")
PERCUSSION_BANK = 128


@dataclass(frozen=True)
class Player:
    """What of a part decides what it plays."""

    low: int
    high: int
    role: str = ""
    bank: int = 0
    doubles: int = 0

    @property
    def available(self) -> bool:
        """Whether it takes voices at all."""
        return self.role != "none" and self.bank != PERCUSSION_BANK and self.doubles == 0


def share_voices(players: Sequence[Player], middle_keys: Sequence[int]) -> list[list[int]]:
    """The voices, from 0, each player gets; middle_keys: of the voices, from the highest. [any]

    Every list is empty if no player is available. 6 voices at most.
    """
    shares: list[list[int]] = [[] for _ in players]
    able = [number for number, player in enumerate(players) if player.available]
    if not able:
        return shares
    for number, share in zip(able, _cheapest([players[n] for n in able], middle_keys), strict=True):
        shares[number] = [k for k in range(len(middle_keys)) if share >> k & 1]
    return shares


def _cheapest(players: Sequence[Player], middle_keys: Sequence[int]) -> list[int]:
    """The voices of each player as bits; best ways to share some voices among the first players."""
    voices = len(middle_keys)
    scarce = len(players) < voices
    best: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}
    for number, player in enumerate(players):
        costs = [_cost(player, k, middle_keys) for k in range(voices)]
        for k in range(voices):
            apart = (number + 0.5) / len(players) - (k + 0.5) / voices
            costs[k] += IN_SCORE_ORDER * apart * apart
        following: dict[int, tuple[float, list[int]]] = {}
        for taken, (cost, shares) in best.items():
            for share in range(1 << voices):
                size = share.bit_count()
                if share & taken or size > (voices if scarce else 1) or (scarce and size == 0):
                    continue
                total = cost + sum(costs[k] for k in range(voices) if share >> k & 1)
                if taken | share not in following or total < following[taken | share][0]:
                    following[taken | share] = (total, [*shares, share])
        best = following
    return best[(1 << voices) - 1][1]


def _cost(player: Player, voice: int, middle_keys: Sequence[int]) -> float:
    middle = middle_keys[voice]
    lack = max(player.low - (middle - REACH), 0) + max(middle + REACH - player.high, 0)
    cost = abs((player.low + player.high) / 2 - middle) / 2 + LACK * lack
    ends = {"melody": 0, "bass": len(middle_keys) - 1}
    if player.role in ends and voice != ends[player.role]:
        cost += FOREIGN
    if player.role == "inner" and voice in ends.values():
        cost += FOREIGN
    return cost
