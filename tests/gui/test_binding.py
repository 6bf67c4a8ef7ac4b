"""A widget that is bound, and one that has gone."""

from PyQt6 import sip
from pytestqt.qtbot import QtBot

from gui.binding import bind
from gui.context import Context
from gui.pages.page import Panel
from gui.scale import scale_of
from gui.widgets.fader import Fader

GAIN = "/ripieno/part/1/gain"


def test_what_listens_ends_with_its_widget(context: Context, qtbot: QtBot) -> None:
    mirror, calls = context.mirror, []
    before = len(mirror._listeners.get(GAIN, []))
    scale = scale_of(GAIN)
    assert scale is not None
    fader = Fader("Gain", scale)
    bind(context, fader, GAIN)
    panel = Panel(context)
    panel.on(GAIN, lambda: calls.append(mirror.value(GAIN)))
    assert len(mirror._listeners[GAIN]) == before + 2
    mirror.take(GAIN, (-3.0,), 1.0)
    mirror.notify(1.0)
    assert calls[-1] == -3.0
    for widget in (fader, panel):
        sip.delete(widget)
    heard = len(calls)
    mirror.take(GAIN, (-4.0,), 2.0)
    mirror.notify(2.0)
    assert len(calls) == heard
    assert len(mirror._listeners[GAIN]) == before
