"""The window's pages: one module each, with a class `Page(QWidget)` made from a `Context`.

A page is imported and made when it is first shown. `PAGES` is their order in the window.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One page: `name` is its module, `title` what the player reads."""

    name: str
    title: str
    does: str  # one line, for tooltips and those who listen
    listed: bool = True  # whether it has a place at the left of the window


PAGES = (
    Entry("stage", "Stage", "what is played, by whom, and what comes next"),
    Entry("ensemble", "Ensemble", "who plays, with what sound, in which range"),
    Entry("mixer", "Mixer", "levels, places and sends of the parts, and the master"),
    Entry("continuation", "Continuation", "when and how the ensemble plays on"),
    Entry("plugins", "Sound", "chains of plugins: what they do to the sound, and their state"),
    Entry("pad", "Pad", "a part between several instruments, moved by a puck on a plane"),
    Entry("transport", "Transport", "tempo, who leads, the click; takes and their export"),
    Entry("rigs", "Rigs", "everything set up for a piece, and the pieces of an evening"),
    Entry("graphs", "Graphs", "delays, load, how sure the parts are, what the MMT looks back at"),
    Entry("keys", "Keys", "what the computer's keys do, and how to change it"),
    Entry("settings", "Settings", "devices, ports, connections, delays"),
    Entry("first_run", "Welcome", "a keyboard, an output and a first chord", listed=False),
)
