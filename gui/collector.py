"""Python's rubbish is collected on the window's thread alone. [main]

The collector runs wherever an object happens to be made. On the thread that listens to the engine
it would destroy Qt's objects there, which Qt does not survive.
"""

from __future__ import annotations

import gc

from PyQt6.QtCore import QObject, QTimer

LOOK_MS = 1000


class Collector(QObject):
    """Takes the collector's place as long as it lives. Made and ended on the window's thread."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.collect()
        gc.freeze()  # what was loaded stays: nothing to look through again
        gc.disable()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)
        self._timer.start(LOOK_MS)

    def look(self) -> None:
        """Collect the oldest generation that is due. [main]"""
        due = zip(range(3), gc.get_count(), gc.get_threshold(), strict=True)
        generations = [number for number, count, threshold in due if count > threshold]
        if generations:
            gc.collect(generations[-1])

    def stop(self) -> None:
        """Give the work back. [main]"""
        self._timer.stop()
        gc.unfreeze()
        gc.enable()
