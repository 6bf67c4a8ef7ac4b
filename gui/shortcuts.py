"""The keys of the computer that do something, and how the player changes them. No Qt. [any]"""

from __future__ import annotations

from dataclasses import dataclass

from gui.pages import PAGES


@dataclass(frozen=True)
class Action:
    """One thing a key does. `address`: a message without arguments, if it is no more than that."""

    name: str
    text: str
    keys: str  # as Qt writes them; "" for none
    address: str = ""


ACTIONS: tuple[Action, ...] = (
    Action("panic", "Panic: silence every note", "Esc", "/ripieno/panic"),
    Action("play", "Play or stop the transport", "Space"),
    Action("tap", "Tap the tempo", "Ctrl+T", "/ripieno/transport/tap"),
    Action("keep", "Keep what was just played", "Ctrl+K", "/ripieno/take/keep"),
    Action("undo", "Undo", "Ctrl+Z", "/ripieno/rig/undo"),
    Action("redo", "Redo", "Ctrl+Y", "/ripieno/rig/redo"),
    Action("next", "Next rig of the set list", "Ctrl+Right", "/ripieno/setlist/next"),
    Action("previous", "Previous rig of the set list", "Ctrl+Left", "/ripieno/setlist/previous"),
    Action("takeover", "The ensemble plays on", "F5", "/ripieno/continuation/start"),
    Action("yield", "The ensemble stops", "F6", "/ripieno/continuation/stop"),
    Action("reset", "Count xruns and delays from zero", "Ctrl+R", "/ripieno/statistics/reset"),
    Action("theme", "Dark or light", "F8"),
    Action("piano", "Play notes on the computer's keys", "F9"),
    Action("fullscreen", "Full screen", "F11"),
    Action("quit", "Close the window", "Ctrl+Q"),
    *(
        Action(
            f"page {page.name}", f"Show {page.title}", f"Ctrl+{number % 10}" if number <= 10 else ""
        )
        for number, page in enumerate((page for page in PAGES if page.listed), 1)
    ),
)
NAMES = {action.name: action for action in ACTIONS}


def keys_of(action: Action, changed: dict[str, str]) -> str:
    """The keys in force: the player's, else the usual. [any]"""
    return changed.get(action.name, action.keys)


def taken_by(keys: str, changed: dict[str, str], besides: str = "") -> Action | None:
    """Which other action has these keys already. [any]"""
    for action in ACTIONS:
        if keys and action.name != besides and keys_of(action, changed) == keys:
            return action
    return None


def with_keys(name: str, keys: str, changed: dict[str, str]) -> dict[str, str]:
    """The changes with other keys for one action; ValueError if another has them. [any]"""
    if name not in NAMES:
        raise ValueError(f"{name!r} is none of {', '.join(NAMES)}")
    if other := taken_by(keys, changed, besides=name):
        raise ValueError(f"{keys} already does: {other.text}")
    return {**{k: v for k, v in changed.items() if k != name}, name: keys}
