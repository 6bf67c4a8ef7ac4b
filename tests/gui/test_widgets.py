"""Painted widgets: every kind of hand moves them, and they show what others set. Offscreen."""

import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from engine.session import Session
from gui import theme
from gui.binding import bind
from gui.context import Context
from gui.mirror.notes import Bar, Notes, Planned
from gui.mirror.transport import Transport
from gui.scale import Scale, scale_of
from gui.widgets.badge import Badge
from gui.widgets.beat_display import BeatDisplay
from gui.widgets.choice import Choice
from gui.widgets.control import Control
from gui.widgets.floor_pill import FloorPill
from gui.widgets.histogram import Histogram, nice_step
from gui.widgets.knob import Knob
from gui.widgets.part_tile import PartTile
from gui.widgets.piano_strip import PianoStrip
from gui.widgets.roll import Roll
from gui.widgets.slider import Slider
from gui.widgets.switch import Switch
from gui.widgets.take_clock import TakeClock

SHARE = Scale(0.0, 1.0, 0.3, 0.02, "%")


def shown(qtbot: QtBot, widget: QWidget, width: int, height: int) -> QWidget:
    qtbot.addWidget(widget)
    widget.resize(width, height)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


@pytest.fixture(params=[Knob, Slider])
def control(request: pytest.FixtureRequest, themed: QApplication, qtbot: QtBot) -> Control:
    control = request.param("Reverb", SHARE)
    shown(qtbot, control, 400, 90)
    return control


def test_keys_wheel_and_double_click_move_a_control(control: Control, qtbot: QtBot) -> None:
    moved: list[float] = []
    control.changed.connect(moved.append)
    qtbot.keyClick(control, Qt.Key.Key_Up)
    qtbot.keyClick(control, Qt.Key.Key_PageDown)
    qtbot.keyClick(control, Qt.Key.Key_End)
    qtbot.keyClick(control, Qt.Key.Key_Home)
    assert moved == pytest.approx([0.32, 0.12, 1.0, 0.0])
    wheel(control, 240)
    assert control.value == pytest.approx(0.04)
    qtbot.mouseDClick(control, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    assert control.value == SHARE.default
    assert control.accessibleName() == "Reverb"
    assert control.accessibleDescription() == "30 %"


def wheel(widget: QWidget, turned: int) -> None:
    nothing = Qt.KeyboardModifier.NoModifier
    place = QPointF(20, 20)
    event = QWheelEvent(
        place,
        widget.mapToGlobal(place),
        QPoint(),
        QPoint(0, turned),
        Qt.MouseButton.NoButton,
        nothing,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def test_a_drag_moves_it_and_shift_is_fine(control: Control, qtbot: QtBot) -> None:
    control.grab()  # so that it knows how long its way is
    start = QPoint(200, 45)
    step = QPoint(20, 0) if control.horizontal else QPoint(0, -20)
    qtbot.mousePress(control, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(control, start + step)
    far = control.value
    qtbot.mouseRelease(control, Qt.MouseButton.LeftButton, pos=start + step)
    assert far == pytest.approx(0.3 + 20 / control.drag_pixels, abs=0.01)


def test_a_value_may_be_typed(control: Control, qtbot: QtBot) -> None:
    qtbot.keyClicks(control, "75")
    assert control.typed == "75"
    qtbot.keyClick(control, Qt.Key.Key_Return)
    assert control.value == pytest.approx(0.75)
    qtbot.keyClicks(control, "-")
    qtbot.keyClick(control, Qt.Key.Key_Return)
    assert control.value == pytest.approx(0.75)
    qtbot.keyClick(control, Qt.Key.Key_Backspace)
    assert control.value == SHARE.default


def test_what_others_set_is_shown_and_not_sent(control: Control) -> None:
    moved: list[float] = []
    control.changed.connect(moved.append)
    before = control.grab().toImage()
    control.show_value(0.9)
    assert control.grab().toImage() != before
    assert moved == []


def test_switches_and_choices(themed: QApplication, qtbot: QtBot) -> None:
    switch, choice = Switch("Mute"), Choice("Mode", ("wait", "settle"))
    for widget in (switch, choice):
        qtbot.addWidget(widget)
    heard: list[object] = []
    switch.changed.connect(heard.append)
    choice.changed.connect(heard.append)
    switch.show_value(1)
    choice.show_value("settle")
    choice.show_value("dance")
    assert switch.isChecked()
    assert choice.button("settle").isChecked()
    switch.click()
    choice.button("wait").click()
    assert heard == [0, "wait"]
    assert choice.button("wait").accessibleName() == "Mode: Wait"


def test_a_bound_control_and_the_engine_are_one(
    context: Context, engine: Session, qtbot: QtBot, until
) -> None:
    address = "/ripieno/part/2/reverb"
    scale = scale_of(address)
    assert scale is not None
    knob, stop = Knob("Reverb", scale), QPushButton("Panic")
    qtbot.addWidget(knob)
    qtbot.addWidget(stop)
    bind(context, knob, address)
    bind(context, stop, "/ripieno/panic")
    assert knob.value == pytest.approx(engine.get("reverb_send", 1))
    knob.move_to(0.8)
    until(lambda: engine.get("reverb_send", 1) == pytest.approx(0.8))
    engine.set("reverb_send", 0.1, 1)
    until(lambda: knob.value == pytest.approx(0.1))
    assert "reverb" in knob.toolTip()
    engine.inputs.play_key(bytes([0x90, 60, 90]))
    until(lambda: bool(engine.statistics()["held_notes"]))
    stop.click()
    until(lambda: not engine.statistics()["held_notes"])


# ---- the stage ---------------------------------------------------------------------------------


def bar(
    note: int, pitch: int, start_s: float, end_s: float, part: int = 0, sure: float = 1.0
) -> Bar:
    end = -1 if end_s < 0 else int(end_s * 48000)
    return Bar(note, part, pitch, 80, int(start_s * 48000), end, sure, "network")


@pytest.fixture
def roll(themed: QApplication, qtbot: QtBot) -> Roll:
    roll = Roll()
    shown(qtbot, roll, 800, 400)
    return roll


def moment(roll: Roll, notes: Notes, now_s: float, transport: Transport | None = None) -> None:
    roll.show_moment(notes, transport or Transport(), now_s * 48000)


def colour_at(roll: Roll, at_s: float, pitch: int) -> str:
    image = roll.grab().toImage()
    ratio = image.width() / roll.width()
    x, y = roll.x_of(at_s * 48000), roll.y_of(pitch) + roll.height() / 2 / 128 + 1
    return image.pixelColor(int(x * ratio), int(y * ratio)).name().upper()


def test_notes_lie_where_they_sounded_in_their_parts_colour(roll: Roll) -> None:
    notes = Notes()
    notes.bars.extend([bar(1, 60, 7.0, 8.0), bar(2, 72, 8.0, 9.0, part=1)])
    moment(roll, notes, 10.0)
    assert colour_at(roll, 7.5, 60) == theme.current().part(0)
    assert colour_at(roll, 8.5, 72) == theme.current().part(1)
    assert colour_at(roll, 9.5, 60) not in theme.current().parts
    assert roll.painted_notes == 2
    moment(roll, notes, 11.0)
    assert colour_at(roll, 7.5, 60) == theme.current().part(0)  # it moved with the time


def test_confidence_is_opacity_and_a_sounding_note_reaches_now(roll: Roll) -> None:
    notes = Notes()
    notes.bars.extend([bar(1, 60, 7.0, 8.0, sure=0.2), bar(2, 70, 8.0, -1)])
    notes.sounding[2] = notes.bars[1]
    moment(roll, notes, 10.0)
    faint = colour_at(roll, 7.5, 60)
    assert faint not in (theme.current().part(0), theme.current().panel)
    assert colour_at(roll, 9.9, 70) == theme.current().part(0)


def test_planned_notes_wait_ahead_of_now_and_are_dim(roll: Roll) -> None:
    notes, transport = Notes(), Transport(frame=480000, beat=16.0, tempo_bpm=60, rolling=True)
    notes.plan = (Planned(0, 60, 80, 17.0, 1.0),)
    moment(roll, notes, 10.0, transport)
    planned = colour_at(roll, 11.5, 60)
    assert planned not in (theme.current().part(0), theme.current().panel)
    notes.plan = ()
    moment(roll, notes, 10.0, transport)
    assert colour_at(roll, 11.5, 60) != planned


def test_the_roll_widens_for_what_is_played_outside(roll: Roll) -> None:
    notes = Notes()
    notes.bars.append(bar(1, 24, 9.0, 9.5))
    moment(roll, notes, 10.0)
    assert colour_at(roll, 9.25, 24) == theme.current().part(0)
    assert roll.range[0] <= 24
    roll.begin_anew()
    assert roll.range[0] > 24


def test_nothing_is_painted_while_nothing_moves(roll: Roll, qtbot: QtBot) -> None:
    painted: list[int] = []
    original = roll.paintEvent
    roll.paintEvent = lambda event: (painted.append(1), original(event))[1]  # type: ignore
    for step in range(20):
        moment(roll, Notes(), 10.0 + step)
        qtbot.wait(1)
    quiet = len(painted)
    notes = Notes()
    notes.bars.append(bar(1, 60, 29.0, 29.5))
    for step in range(5):
        moment(roll, notes, 30.0 + step / 60)
        qtbot.wait(20)
    assert quiet <= 2
    assert len(painted) - quiet >= 3


def test_keys_light_up_and_the_mouse_plays_them(themed: QApplication, qtbot: QtBot) -> None:
    piano = PianoStrip()
    shown(qtbot, piano, 900, 80)
    piano.show_keys({60: 2, 61: 0})
    image = piano.grab().toImage()
    for pitch, part in ((60, 2), (61, 0)):
        place = piano.key_rect(pitch)
        ratio = image.width() / piano.width()
        y = place.bottom() - 4
        found = image.pixelColor(int(place.center().x() * ratio), int(y * ratio))
        assert found.name().upper() == theme.current().part(part)
    heard: list[tuple] = []
    piano.pressed.connect(lambda pitch, velocity: heard.append(("on", pitch)))
    piano.released.connect(lambda pitch: heard.append(("off", pitch)))
    first, second = (piano.key_rect(pitch).center().toPoint() for pitch in (61, 63))
    qtbot.mousePress(piano, Qt.MouseButton.LeftButton, pos=first)
    qtbot.mouseMove(piano, second)
    qtbot.mouseRelease(piano, Qt.MouseButton.LeftButton, pos=second)
    assert heard == [("on", 61), ("off", 61), ("on", 63), ("off", 63)]


@pytest.mark.parametrize("pitch", range(36, 97))
def test_every_key_is_found_where_it_lies(themed: QApplication, qtbot: QtBot, pitch: int) -> None:
    piano = PianoStrip()
    qtbot.addWidget(piano)
    piano.resize(900, 80)
    place = piano.key_rect(pitch)
    assert piano.pitch_at(place.center().x(), place.bottom() - 2) == pitch


def test_small_displays_say_what_they_show(themed: QApplication, qtbot: QtBot) -> None:
    tile, floor, beat, take = PartTile(0, "Viola"), FloorPill(), BeatDisplay(), TakeClock()
    for widget in (tile, floor, beat, take):
        shown(qtbot, widget, 240, 56)
    pictures = [widget.grab().toImage() for widget in (tile, floor, beat, take)]
    tile.show_activity(1.0, 2, False)
    floor.show_floor("ensemble")
    beat.show_moment(Transport(beat=5.0, frame=0, rolling=True), 0.0)
    take.show_recorder({"on": True, "recording": True, "seconds": 61.0}, 10.0)
    take.tick(12.5)
    says = [widget.accessibleDescription() for widget in (tile, floor, beat, take)]
    assert says == [
        "2 notes",
        "Ensemble plays",
        "bar 2, beat 2, 120.0 beats a minute",
        "recording 1:03",
    ]
    for widget, before in zip((tile, floor, beat, take), pictures, strict=True):
        assert widget.grab().toImage() != before


def test_a_badge_lies_in_the_corner_and_goes(themed: QApplication, qtbot: QtBot) -> None:
    host = QWidget()
    shown(qtbot, host, 100, 50)
    badge = Badge(host)
    badge.say("CC 20")
    assert badge.isVisible()
    assert badge.geometry().right() == 99
    badge.say("")
    assert not badge.isVisible()


def test_a_histogram_tells_its_percentiles(themed: QApplication, qtbot: QtBot) -> None:
    histogram = Histogram("Delay", "ms", 0.5)
    shown(qtbot, histogram, 400, 220)
    empty = histogram.grab().toImage()
    histogram.show_bins([(0.0, 900), (0.5, 95), (7.0, 5)])
    assert histogram.percentile(0.5) == 0.5
    assert histogram.percentile(0.99) == 1.0
    assert histogram.accessibleDescription() == "p50 0.5   p99 1.0   p99.9 7.5 ms"
    assert histogram.grab().toImage() != empty
    assert [nice_step(rough) for rough in (0.3, 1.0, 1.2, 7.0, 0.0)] == [0.5, 1.0, 2.0, 10.0, 1.0]
