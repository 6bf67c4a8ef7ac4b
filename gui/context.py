"""What every page is given: the bridge, the mirror, and what the player prefers. [main]"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gui.bridge import Bridge
from gui.mirror.mirror import Mirror
from gui.preferences import Preferences


def _nothing(_: str) -> None:
    """A page without a window, as in tests, says nothing."""


@dataclass
class Context:
    """Shared by the window and its pages; one window has one."""

    bridge: Bridge
    preferences: Preferences
    say: Callable[[str], None] = field(default=_nothing)  # one sentence, shown in the health bar
    do: Callable[[str], None] = field(default=_nothing)  # an action of gui.shortcuts
    keys_changed: Callable[[], None] = field(default=lambda: None)  # the player's shortcuts are new
    show_page: Callable[[str], None] = field(default=_nothing)  # by its name in gui.pages
    show_chain: Callable[[str], None] = field(default=_nothing)  # of plugins, by its slot

    @property
    def mirror(self) -> Mirror:
        return self.bridge.mirror
