"""Lists to choose from, fields and bars, with hands on them."""

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.scale import Scale
from gui.widgets.combo import Combo
from gui.widgets.elided import Elided
from gui.widgets.instrument_picker import InstrumentPicker
from gui.widgets.number import KeyNumber, Number
from gui.widgets.search_list import Entry, SearchList
from gui.widgets.value_bar import ValueBar

LEFT = Qt.MouseButton.LeftButton
ENTRIES = (
    Entry("a", "Night band", "pop with a late echo", ("pop", "band")),
    Entry("b", "Choir", "a long reverberation", ("sacred",)),
    Entry("c", "Fanfare", "brass", ("loud", "band")),
)


@pytest.fixture
def rigs(themed: QApplication, qtbot: QtBot) -> SearchList:
    found = SearchList("Rigs")
    qtbot.addWidget(found)
    found.resize(300, 300)
    found.show()
    found.show_entries(ENTRIES)
    return found


def test_a_list_is_searched_by_words_of_name_text_and_tag(rigs: SearchList) -> None:
    assert rigs.shown() == ["a", "b", "c"]
    rigs.search.setText("late")
    assert rigs.shown() == ["a"]
    rigs.search.setText("BAND loud")
    assert rigs.shown() == ["c"]
    rigs.search.setText("nothing like it")
    assert rigs.shown() == []


def test_a_tags_button_leaves_only_what_has_it(rigs: SearchList, qtbot: QtBot) -> None:
    qtbot.mouseClick(rigs.tag_button("band"), LEFT)
    assert rigs.shown() == ["a", "c"]
    qtbot.mouseClick(rigs.tag_button("band"), LEFT)
    assert rigs.shown() == ["a", "b", "c"]


def test_from_the_search_field_arrows_and_enter_choose(rigs: SearchList, qtbot: QtBot) -> None:
    rigs.search.setText("choir")
    with qtbot.waitSignal(rigs.chosen) as chosen:
        qtbot.keyClick(rigs.search, Qt.Key.Key_Return)
    assert chosen.args == ["b"]


def test_what_was_selected_stays_when_the_list_is_told_anew(rigs: SearchList) -> None:
    rigs.select("b")
    rigs.show_entries((*ENTRIES, Entry("d", "Duo")))
    assert rigs.current == "b"


def test_a_combo_tells_the_hands_moves_only(themed: QApplication, qtbot: QtBot) -> None:
    combo = Combo("Sound", [("soundfont", "SoundFont"), ("midi", "MIDI only")])
    qtbot.addWidget(combo)
    heard: list[str] = []
    combo.changed.connect(heard.append)
    combo.show_value("midi")
    assert (combo.currentText(), heard) == ("MIDI only", [])
    qtbot.keyClick(combo, Qt.Key.Key_Up)
    assert heard == ["soundfont"]
    combo.show_value("unknown")
    assert combo.currentIndex() == -1
    combo.set_choices([("unknown", "New"), ("midi", "MIDI only")])
    assert combo.currentText() == "New"


def test_a_number_tells_the_hands_moves_only(themed: QApplication, qtbot: QtBot) -> None:
    number = Number("Channel", Scale(0, 16, whole=True), "any")
    qtbot.addWidget(number)
    heard: list[int] = []
    number.changed.connect(heard.append)
    number.show_value(5)
    assert (number.value(), heard) == (5, [])
    qtbot.keyClick(number, Qt.Key.Key_Up)
    assert heard == [6]
    number.show_value(0)
    assert number.text() == "any"


def test_keys_are_typed_by_name(themed: QApplication, qtbot: QtBot) -> None:
    key = KeyNumber("Lowest", Scale(-1, 127, whole=True))
    qtbot.addWidget(key)
    heard: list[int] = []
    key.changed.connect(heard.append)
    key.show_value(-1)
    assert key.text() == "none"
    key.show_value(60)
    assert key.text() == "C4"
    field = key.lineEdit()
    assert field is not None
    field.selectAll()
    qtbot.keyClicks(field, "f#3")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert heard == [54]
    assert key.text() == "F\u266f3"


def test_a_bar_is_dragged_turned_and_reset(themed: QApplication, qtbot: QtBot) -> None:
    bar = ValueBar("Reverb", Scale(0.0, 1.0, default=0.2, unit="%"))
    qtbot.addWidget(bar)
    bar.resize(202, 32)
    bar.show()
    bar.grab()  # painting tells it how long its way is
    heard: list[float] = []
    bar.changed.connect(heard.append)
    bar.show_value(0.5)
    assert heard == []
    qtbot.mousePress(bar, LEFT, pos=QPoint(100, 10))
    qtbot.mouseMove(bar, QPoint(150, 10))
    qtbot.mouseRelease(bar, LEFT)
    assert bar.value == pytest.approx(0.75, abs=0.02)
    assert heard[-1] == bar.value
    qtbot.mouseDClick(bar, LEFT, pos=QPoint(10, 10))
    assert bar.value == 0.2
    assert bar.accessibleDescription() == "20 %"


def test_an_instrument_is_found_and_taken(themed: QApplication, qtbot: QtBot) -> None:
    picker = InstrumentPicker("Instrument of the viola")
    qtbot.addWidget(picker)
    picker.show_value(41)
    assert picker.text() == "Viola"
    heard: list[int] = []
    picker.changed.connect(heard.append)
    shown = picker.open()
    qtbot.keyClicks(shown.search, "french")
    assert shown.visible_programs() == [60]
    qtbot.keyClick(shown.search, Qt.Key.Key_Return)
    assert heard == [60]
    assert picker.text() == "French horn"
    assert not shown.isVisible()


def test_a_long_line_makes_nothing_wider(themed: QApplication, qtbot: QtBot) -> None:
    shown = Elided("Parts", "Violins, violas, cellos and double basses " * 9)
    qtbot.addWidget(shown)
    assert shown.minimumSizeHint().width() <= 60
    shown.resize(120, 24)
    long = shown.grab().toImage()
    shown.setText("Violins")
    assert shown.grab().toImage() != long
    assert (shown.accessibleName(), shown.text()) == ("Parts", "Violins")
