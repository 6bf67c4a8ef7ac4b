"""Pad: the plane of a part's morph sound, the puck on it, what moves it, its trajectory. [main]"""

from __future__ import annotations

from typing import Any

from PyQt6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from gui.context import Context
from gui.mirror import pads
from gui.mirror.pads import Pad
from gui.pages.page import (
    CLOSE,
    EDGE,
    GAP,
    Card,
    Panel,
    clear,
    field,
    has_address,
    line,
    push,
    scrolled,
)
from gui.scale import choices_of, scale_of
from gui.widgets.choice import Choice
from gui.widgets.combo import Combo
from gui.widgets.pad_plane import PadPlane
from gui.widgets.slider import Slider
from gui.widgets.switch import Switch

SIDE_WIDTH = 360
GLIDE, STILL = 0.25, 0.002  # of the way a frame; so near it is there
SOUNDS = "/ripieno/morph/sounds"
NONE = ("", "none: its instrument")
MODES = {"latent": "Latent", "baseline": "Cross-fade"}
FILES = "Scores (*.mid *.midi *.musicxml *.xml *.mxl *.dawproject);;All files (*)"


class Page(Panel):
    """The page; an engine without morph sounds is said so."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.part = 1
        self.sounds: list[dict[str, Any]] = []
        self.controls: dict[str, Any] = {}  # of the part shown, by key
        self._built: tuple = ()
        outer = QHBoxLayout(self)
        outer.setContentsMargins(*EDGE)
        outer.setSpacing(GAP)
        self.works = has_address(SOUNDS)
        if not self.works:
            outer.addWidget(line("This engine has no morph sounds.", "muted"))
            return
        outer.addWidget(self._plane_card(), 1)
        self._side = QVBoxLayout()
        self._side.setContentsMargins(*EDGE)
        self._side.setSpacing(GAP)
        holder = QWidget()
        holder.setLayout(self._side)
        area = scrolled(holder)
        area.setFixedWidth(SIDE_WIDTH)
        outer.addWidget(area)
        self.bridge.ask(SOUNDS, then=self._take_sounds)
        self.on("ensemble", self._build)
        self.on("morph", self._show)
        self.bridge.frame.connect(self._move)

    # ---- building --------------------------------------------------------------------------

    def _plane_card(self) -> Card:
        card = Card()
        self._parts = QHBoxLayout()
        self._parts.setSpacing(CLOSE)
        card.body.addLayout(self._parts)
        self.plane = PadPlane()
        self.plane.changed.connect(self._put)
        card.body.addWidget(self.plane, 1)
        self.moves = line("", "muted", wrap=True)
        card.body.addWidget(self.moves)
        return card

    def _build(self) -> None:
        """Buttons of the parts, and the controls of the one shown."""
        parts = self.mirror.ensemble.parts
        if self.part > len(parts):
            self.part = 1
        built = (self.part, *((part.number, part.name) for part in parts))
        if built == self._built or not parts:
            return
        self._built = built
        clear(self._parts)
        numbers = [str(part.number) for part in parts]
        self.chosen = Choice("Part whose pad is shown", numbers, [part.name for part in parts])
        self.chosen.show_value(str(self.part))
        self.chosen.changed.connect(self._choose)
        self._parts.addWidget(self.chosen)
        clear(self._side)
        self._side.addWidget(PartPanel(self, self.part))
        self._side.addStretch(1)
        self._show()

    def _choose(self, number: str) -> None:
        self.part = int(number)
        self._build()

    # ---- what is shown ---------------------------------------------------------------------

    def _take_sounds(self, answer: dict[str, Any]) -> None:
        self.sounds = list(answer["sounds"])
        if "sound" in self.controls:
            self.controls["sound"].set_choices(self.choices())

    def choices(self) -> list[tuple[str, str]]:
        """The sounds a part may be given. [main]"""
        return [NONE, *((sound["id"], sound["name"]) for sound in self.sounds)]

    def pad(self) -> Pad | None:
        """The plane of the part that is shown. [main]"""
        found = pads.read(self.mirror.section("morph"))
        return found[self.part - 1] if self.part <= len(found) else None

    def _show(self) -> None:
        pad = self.pad()
        self.plane.show_pad(pad or Pad())
        self.moves.setText("  \u00b7  ".join(pad.moves) if pad else "")
        for key, widget in self.controls.items():
            widget.setEnabled(pad is not None or key == "sound")
        origin = {"labels": "drawn from a file", "puck": "recorded", "sound": "the sound's own"}
        if "told" in self.controls:
            course = origin.get(pad.trajectory_of, "none") if pad else "none"
            self.controls["told"].setText(f"Trajectory: {course}")
        self.show_put()

    def show_put(self) -> None:
        """Show where the shown part's puck was put. [main]"""
        x, y = (self.mirror.value(self.address(key), 0.5) for key in ("x", "y"))
        self.plane.show_put(float(x), float(y))

    def _move(self, now_s: float) -> None:
        """Let the puck glide to where it was last said to be, ten times a second."""
        if not self.isVisible() or self.plane.plane is None:
            return
        statistics, at = self.mirror.statistics, self.part - 1
        goal = (statistics.puck_x[at], statistics.puck_y[at])
        here = self.plane.puck
        left = max(abs(goal[0] - here[0]), abs(goal[1] - here[1]))
        share = 1.0 if left < STILL else GLIDE
        x, y = (a + share * (b - a) for a, b in zip(here, goal, strict=True))
        self.plane.show_puck(x, y)

    # ---- hands -----------------------------------------------------------------------------

    def address(self, key: str) -> str:
        """The address of something of the shown part's pad. [main]"""
        return f"/ripieno/part/{self.part}/morph/{key}"

    def _put(self, x: float, y: float) -> None:
        self.bridge.set(self.address("x"), x)
        self.bridge.set(self.address("y"), y)

    def draw(self) -> None:
        """Let the trajectory go through a file the player chooses. [main]"""
        path, _ = QFileDialog.getOpenFileName(self, "Draw the trajectory from a score", "", FILES)
        if path:
            self.bridge.ask(self.address("draw"), path)


class PartPanel(Panel):
    """The controls of one part's pad."""

    def __init__(self, page: Page, number: int) -> None:
        super().__init__(page.context)
        self.page = page
        base = f"/ripieno/part/{number}/morph"
        page.controls = self.controls = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(*EDGE)
        column.setSpacing(GAP)
        column.addWidget(self._sound(base))
        column.addWidget(self._trajectory(base))

    def _sound(self, base: str) -> Card:
        card = Card("Sound")
        combo = Combo("Morph sound", self.page.choices())
        self._add(combo, "sound", base)
        card.body.addWidget(combo)
        for key, name in (("x", "Across"), ("y", "Up"), ("texture", "Texture")):
            scale = scale_of(f"{base}/{key}")
            assert scale is not None
            slider = Slider(name, scale, 70)
            slider.setMinimumWidth(200)
            self._add(slider, key, base)
            card.body.addWidget(slider)
        words = choices_of(f"{base}/mode")
        mode = Choice("Way between the anchors", words, [MODES.get(w, w) for w in words])
        self._add(mode, "mode", base)
        card.body.addWidget(field("Between", mode, width=70))
        return card

    def _trajectory(self, base: str) -> Card:
        card = Card("Trajectory")
        row = QHBoxLayout()
        row.setSpacing(CLOSE)
        for key, text in (("record", "Record"), ("play", "Play"), ("loop", "Loop")):
            switch = Switch(f"{text} the puck's way", text)
            self._add(switch, key, base)
            row.addWidget(switch)
        row.addStretch(1)
        card.body.addLayout(row)
        words = choices_of(f"{base}/interpolation")
        joined = Choice("How its points are joined", words)
        self._add(joined, "interpolation", base)
        card.body.addWidget(field("Joined", joined, width=60))
        draw = push("Draw from a score \u2026", self.page.draw)
        draw.setToolTip("Its instruments and velocities become places between the anchors")
        self.controls["draw"] = draw
        card.body.addWidget(draw)
        told = line("", "muted")
        self.controls["told"] = told
        card.body.addWidget(told)
        return card

    def _add(self, widget: QWidget, key: str, base: str) -> None:
        self.controls[key] = widget
        self.bound(widget, f"{base}/{key}")
        if key in ("x", "y"):
            self.on(f"{base}/{key}", self.page.show_put)
