"""Takes through the window, on a real engine that records."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.session import Session, Settings
from engine.soundfonts import bundled_soundfont
from gui.bridge import Bridge
from gui.context import Context
from gui.pages.take_card import TakeCard
from gui.preferences import Preferences

Until = Callable[[Callable[[], bool]], None]
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def card(themed: QApplication, qtbot: QtBot, tmp_path: Path, until: Until) -> Iterator[TakeCard]:
    """The card on an engine of its own, which records."""
    settings = Settings(
        output="none",
        input_port="none",
        soundfont=bundled_soundfont(),
        osc_port=0,
        record=True,
        takes_folder=tmp_path,
    )
    with Session(settings) as session:
        bridge = Bridge(session.osc_port)
        bridge.start()
        until(lambda: bridge.mirror.connection == "connected")
        card = TakeCard(Context(bridge, Preferences()))
        qtbot.addWidget(card)
        card.resize(500, 560)
        card.show()
        yield card
        bridge.close()


@pytest.mark.slow
def test_what_was_played_is_recorded_kept_listed_and_exported_in_every_form(
    card: TakeCard, until: Until, qtbot: QtBot
) -> None:
    assert card.told.text().startswith("Ready")
    assert not card.exports["midi"].isEnabled()
    for pitch in (60, 64):
        card.bridge.act("/ripieno/key", pitch, 90)
    until(lambda: card.light.accessibleDescription() != "recording ready")
    until(lambda: "recorded" in card.told.text())
    card.bridge.act("/ripieno/panic")
    card.length.show_value(30.0)

    def kept_it() -> bool:  # what was played reaches the recorder a moment later
        if not card.result.text() or "othing" in card.result.text():
            card.result.setText("asked")
            qtbot.mouseClick(card.keep, LEFT)
        return card.result.text().startswith("Kept in")

    until(kept_it)
    kept = Path(card.result.text().removeprefix("Kept in "))
    until(lambda: (kept / "take.mid").exists())
    card.ask()
    until(lambda: any(take.name == kept.name and take.complete for take in card.takes))
    names = [take.name for take in card.takes]
    card.list.setCurrentRow(names.index(kept.name))
    for form in ("midi", "dawproject", "rpp", "stems"):
        qtbot.mouseClick(card.exports[form], LEFT)
        until(lambda: "Exporting" not in card.result.text())
        assert card.result.text().startswith("Exported to"), card.result.text()
        assert Path(card.result.text().removeprefix("Exported to ")).exists()
