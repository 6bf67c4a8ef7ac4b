"""Whose thread destroys what belongs to Qt."""

import gc
import threading

from PyQt6.QtCore import QObject
from pytestqt.qtbot import QtBot

from gui.collector import Collector


class Kept:
    """Something in a cycle that says on which thread it was let go."""

    def __init__(self, threads: list[int]) -> None:
        self.itself = self
        self._threads = threads

    def __del__(self) -> None:
        self._threads.append(threading.get_ident())


def test_other_threads_never_collect_and_the_window_does(qtbot: QtBot) -> None:
    parent = QObject()
    thresholds = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    collector = Collector(parent)
    threads: list[int] = []

    def make_rubbish() -> None:
        for _ in range(5000):  # far above every threshold
            Kept(threads)

    try:
        thread = threading.Thread(target=make_rubbish)
        thread.start()
        thread.join()
        assert threads == []
        qtbot.waitUntil(lambda: len(threads) == 5000, timeout=20000)
        assert set(threads) == {threading.get_ident()}
    finally:
        collector.stop()
        gc.set_threshold(*thresholds)
        gc.disable()  # as the tests around want it
    assert not collector._timer.isActive()
