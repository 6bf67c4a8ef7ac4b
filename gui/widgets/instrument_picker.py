"""An instrument of General MIDI: a button, and a list by family that one can search. [main]"""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QObject, QPoint, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import (
    QFrame,
    QLineEdit,
    QSizePolicy,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from gui import general_midi
from gui.widgets.combo import DropButton

PROGRAM = Qt.ItemDataRole.UserRole


class InstrumentList(QFrame):
    """The list with its search field; `chosen(program)` when one is taken."""

    chosen = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent, Qt.WindowType.Popup)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.search = QLineEdit(self)
        self.search.setPlaceholderText("Search: horn, choir, pad \u2026")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Search for an instrument")
        self.search.textChanged.connect(self._filter)
        self.search.installEventFilter(self)
        self.tree = QTreeWidget(self)
        self.tree.setHeaderHidden(True)
        self.tree.setAccessibleName("Instruments by family")
        self.tree.setUniformRowHeights(True)
        self.tree.setIndentation(14)
        self.tree.itemActivated.connect(self._take)
        self.tree.itemClicked.connect(self._take)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        layout.addWidget(self.search)
        layout.addWidget(self.tree)
        self._rows: list[QTreeWidgetItem] = []
        for name, instruments in general_midi.FAMILIES:
            branch = QTreeWidgetItem(self.tree, [name])
            branch.setFlags(Qt.ItemFlag.ItemIsEnabled)
            for instrument in instruments:
                row = QTreeWidgetItem(branch, [instrument])
                row.setData(0, PROGRAM, len(self._rows))
                self._rows.append(row)
        self.resize(300, 420)

    def begin(self, program: int) -> None:
        """Show it from the instrument that is in force."""
        self.search.clear()
        self._filter("")
        row = self._rows[min(max(program, 0), len(self._rows) - 1)]
        self.tree.collapseAll()
        family = row.parent()
        assert family is not None
        family.setExpanded(True)
        self.tree.setCurrentItem(row)
        self.tree.scrollToItem(row, QTreeWidget.ScrollHint.PositionAtCenter)
        self.search.setFocus()

    def visible_programs(self) -> list[int]:
        """What the search leaves."""
        return [number for number, row in enumerate(self._rows) if not row.isHidden()]

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        """Arrows and Enter in the search field belong to the list."""
        if isinstance(a1, QKeyEvent) and a1.type() == QEvent.Type.KeyPress:
            if a1.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
                self.tree.setFocus()
                return False
            if a1.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                found = self.visible_programs()
                current = self.tree.currentItem()
                if current is not None and not current.isHidden() and current.parent():
                    self._take(current)
                elif found:
                    self._take(self._rows[found[0]])
                return True
        return super().eventFilter(a0, a1)

    def _filter(self, words: str) -> None:
        found = set(general_midi.find(words))
        for number, row in enumerate(self._rows):
            row.setHidden(number not in found)
        for place in range(self.tree.topLevelItemCount()):
            branch = self.tree.topLevelItem(place)
            assert branch is not None
            rows = range(place * 8, place * 8 + 8)
            branch.setHidden(not any(number in found for number in rows))
            branch.setExpanded(bool(words.strip()) and not branch.isHidden())
        if words.strip() and found:
            self.tree.setCurrentItem(self._rows[min(found)])

    def _take(self, row: QTreeWidgetItem, column: int = 0) -> None:
        program = row.data(0, PROGRAM)
        if program is None:
            row.setExpanded(not row.isExpanded())
            return
        self.hide()
        self.chosen.emit(int(program))


class InstrumentPicker(DropButton):
    """Shows a part's instrument; a press opens the list. `changed(program)` when a hand chose."""

    changed = pyqtSignal(int)

    def __init__(self, name: str, parent: QWidget | None = None):
        super().__init__(parent=parent)
        self._program = -1
        self._list: InstrumentList | None = None
        self._name = name
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.clicked.connect(self.open)
        self.show_value(0)

    @property
    def program(self) -> int:
        """The program it shows, from 0."""
        return self._program

    def show_value(self, program: int) -> None:
        """Show what the engine has."""
        if program != self._program:
            self._program = program
            self.setText(general_midi.instrument(program))
            self.setToolTip(f"{general_midi.family(program)}, program {program + 1}")
            self.setAccessibleName(f"{self._name}: {general_midi.instrument(program)}")

    def open(self) -> InstrumentList:
        """Show the list below the button."""
        if self._list is None:
            self._list = InstrumentList(self)
            self._list.chosen.connect(self._chosen)
        self._list.begin(self._program)
        corner = self.mapToGlobal(QPoint(0, self.height() + 2))
        screen = self.screen()
        if screen is not None:
            room = screen.availableGeometry()
            size: QSize = self._list.size()
            corner.setX(min(corner.x(), room.right() - size.width()))
            corner.setY(max(min(corner.y(), room.bottom() - size.height()), room.top()))
        self._list.move(corner)
        self._list.show()
        return self._list

    def _chosen(self, program: int) -> None:
        self.show_value(program)
        self.changed.emit(program)
