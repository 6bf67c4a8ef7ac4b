"""Keys are changed and remembered, never given twice; graphs fill while one plays."""

from collections.abc import Callable

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeySequence
from pytestqt.qtbot import QtBot

from engine.session import Session
from gui.pages.graphs import Page as Graphs
from gui.pages.graphs import _gathered
from gui.pages.keys import Page as Keys
from gui.window import Window

Until = Callable[[Callable[[], bool]], None]


def test_a_changed_key_works_at_once_and_is_remembered(
    window: Window, engine: Session, qtbot: QtBot, until: Until
) -> None:
    window.show_page("keys")
    page = window.pages["keys"]
    assert isinstance(page, Keys)
    field = page.fields["panic"]
    field.setKeySequence(QKeySequence("F3"))
    field.editingFinished.emit()
    window.context.bridge.act("/ripieno/key", 60, 90)
    until(lambda: bool(window.context.mirror.notes.sounding))
    window.setFocus()
    qtbot.keyClick(window, Qt.Key.Key_F3)
    until(lambda: not window.context.mirror.notes.sounding)
    path = window.context.preferences.path
    assert path is not None
    assert 'panic = "F3"' in path.read_text()
    page.reset()
    assert field.keySequence().toString() == "Esc"


def test_a_key_that_is_taken_is_refused_with_its_owner(window: Window) -> None:
    window.show_page("keys")
    page = window.pages["keys"]
    assert isinstance(page, Keys)
    page.fields["tap"].setKeySequence(QKeySequence("Ctrl+Z"))
    page.fields["tap"].editingFinished.emit()
    assert page.complaint.text() == "Ctrl+Z already does: Undo."
    assert page.fields["tap"].keySequence().toString() == "Ctrl+T"
    assert window.context.preferences.shortcuts == {}


def test_the_graphs_fill_while_one_plays(window: Window, engine: Session, until: Until) -> None:
    window.show_page("graphs")
    page = window.pages["graphs"]
    assert isinstance(page, Graphs)
    window.context.bridge.act("/ripieno/key", 62, 90)
    until(lambda: bool(page.load.bins) and bool(page.delay.bins))
    until(lambda: bool(page.confidence.bins))
    until(lambda: "notes by the network" in page.counts.text())
    assert page.load.percentile(0.5) > 0


def test_attention_is_asked_for_while_it_is_seen_and_drawn(
    window: Window, engine: Session, until: Until
) -> None:
    mirror, control = window.context.mirror, engine.control
    assert control is not None
    until(lambda: not control.subscribers("attention"))  # a lease of an earlier window
    window.show_page("graphs")
    page = window.pages["graphs"]
    assert isinstance(page, Graphs)
    until(lambda: bool(control.subscribers("attention")))
    control.attended(
        {"note": [1, 67, 8.0, 1.0], "notes": [[2, 60, 4.0, 1.0, 0.9]], "remembered": 1}
    )
    until(lambda: mirror.attention.remembered == 1)
    assert page.attention.attention.note is None  # nothing plays on
    mirror.values["/ripieno/continuation/mode"] = "takeover"
    page.show_attention()
    assert page.attention.said.startswith("Violin I is to play G4: 90 % of the attention")
    window.show_page("stage")
    until(lambda: not control.subscribers("attention"))


def test_fine_bins_are_gathered() -> None:
    assert _gathered([[0, 5], [10, 1], [30, 2]], 1000 / 48000, 0.25) == ((0.0, 6), (0.5, 2))
