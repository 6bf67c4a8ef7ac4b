"""A list one searches by name and by tag: a field, the tags as buttons, the entries below. [main]

Rigs, ensembles and plugins are chosen with it, on a page or in a list that drops down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PyQt6.QtCore import QEvent, QModelIndex, QObject, QPoint, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QPainter
from PyQt6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gui import theme
from gui.widgets.paint import words

ROW_HEIGHT = 48
MOST_TAGS = 8
ENTRY = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class Entry:
    """What can be chosen: `id` is answered, the rest is read."""

    id: str
    title: str
    detail: str = ""
    tags: tuple[str, ...] = ()
    mark: str = ""  # a word at the right: playing, quarantined ...

    def matches(self, wanted: Sequence[str], tag: str) -> bool:
        """Whether it holds all these words, and this tag if one is given. [any]"""
        text = f"{self.title} {self.detail} {' '.join(self.tags)}".lower()
        return (not tag or tag in self.tags) and all(word in text for word in wanted)


def tags_of(entries: Sequence[Entry]) -> list[str]:
    """The tags of entries, the commonest first. [any]"""
    counts: dict[str, int] = {}
    for entry in entries:
        for tag in entry.tags:
            counts[tag] = counts.get(tag, 0) + 1
    return sorted(counts, key=lambda tag: (-counts[tag], tag))[:MOST_TAGS]


class SearchList(QWidget):
    """`chosen(id)` when one is taken by a double click, Enter, or a click if `at_once`."""

    chosen = pyqtSignal(str)
    selected = pyqtSignal(str)  # the entry under the cursor changed

    def __init__(self, name: str, at_once: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.entries: tuple[Entry, ...] = ()
        self._tag = ""
        self.search = QLineEdit(self)
        self.search.setPlaceholderText("Search by name or tag")
        self.search.setAccessibleName(f"Search: {name}")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.search.installEventFilter(self)
        self._tags = QHBoxLayout()
        self._tags.setSpacing(4)
        self.list = QListWidget(self)
        self.list.setAccessibleName(name)
        self.list.setItemDelegate(EntryPainter(self.list))
        self.list.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemActivated.connect(self._take)
        if at_once:
            self.list.itemClicked.connect(self._take)
        self.list.currentItemChanged.connect(lambda now, before: self.selected.emit(self.current))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.search)
        layout.addLayout(self._tags)
        layout.addWidget(self.list, 1)

    def show_entries(self, entries: Sequence[Entry]) -> None:
        """Other entries; what was searched for and chosen stays. [main]"""
        if tuple(entries) == self.entries:
            return
        tags_before, self.entries = tags_of(self.entries), tuple(entries)
        if tags_of(entries) != tags_before:
            self._show_tags(tags_of(entries))
        self._filter()

    @property
    def current(self) -> str:
        """The id of the entry under the cursor, "" for none. [main]"""
        item = self.list.currentItem()
        return item.data(ENTRY).id if item is not None else ""

    def select(self, entry_id: str) -> None:
        """Put the cursor on an entry. [main]"""
        for item in self._items():
            if item.data(ENTRY).id == entry_id:
                self.list.setCurrentItem(item)

    def shown(self) -> list[str]:
        """The ids that the search leaves. [main]"""
        return [item.data(ENTRY).id for item in self._items()]

    def tag_button(self, tag: str) -> QPushButton:
        """The button of a tag. [main]"""
        buttons = [self._tags.itemAt(place) for place in range(self._tags.count())]
        for item in buttons:
            widget = item.widget() if item is not None else None
            if isinstance(widget, QPushButton) and widget.text() == tag:
                return widget
        raise KeyError(tag)

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        """Arrows and Enter in the search field belong to the list."""
        if isinstance(a1, QKeyEvent) and a1.type() == QEvent.Type.KeyPress:
            if a1.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
                self.list.setFocus()
                if self.list.currentRow() < 0:
                    self.list.setCurrentRow(0)
                return True
            if a1.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.list.count():
                if self.list.currentRow() < 0:
                    self.list.setCurrentRow(0)
                self._take(self.list.currentItem())
                return True
        return super().eventFilter(a0, a1)

    def _items(self) -> list[QListWidgetItem]:
        found = (self.list.item(row) for row in range(self.list.count()))
        return [item for item in found if item is not None]

    def _show_tags(self, tags: Sequence[str]) -> None:
        self._tag = self._tag if self._tag in tags else ""
        while (item := self._tags.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        for tag in tags:
            button = QPushButton(tag)
            button.setProperty("role", "small")
            button.setCheckable(True)
            button.setChecked(tag == self._tag)
            button.setAccessibleName(f"only {tag}")
            button.clicked.connect(lambda on, tag=tag: self._use_tag(tag if on else ""))
            self._tags.addWidget(button)
        self._tags.addStretch(1)

    def _use_tag(self, tag: str) -> None:
        self._tag = tag
        for place in range(self._tags.count()):
            item = self._tags.itemAt(place)
            button = item.widget() if item is not None else None
            if isinstance(button, QPushButton):
                button.setChecked(button.text() == tag)
        self._filter()

    def _filter(self) -> None:
        wanted, before = self.search.text().lower().split(), self.current
        self.list.blockSignals(True)
        self.list.clear()
        for entry in self.entries:
            if entry.matches(wanted, self._tag):
                item = QListWidgetItem(self.list)
                item.setData(ENTRY, entry)
                said = (entry.title, entry.detail, entry.mark)
                item.setData(Qt.ItemDataRole.AccessibleTextRole, ", ".join(s for s in said if s))
                item.setToolTip(entry.detail)
        self.list.blockSignals(False)
        self.select(before)
        self.selected.emit(self.current)

    def _take(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(item.data(ENTRY).id)


class EntryPainter(QStyledItemDelegate):
    """An entry on two lines, with its mark at the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        entry: Entry = index.data(ENTRY)
        return QSize(100, ROW_HEIGHT if entry.detail else ROW_HEIGHT - 14)

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        assert painter is not None
        entry: Entry = index.data(ENTRY)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(option.rect).adjusted(2, 1, -2, -1)
        on = bool(option.state & QStyle.StateFlag.State_Selected)
        if on or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("accent" if on else "faint"))
            painter.drawRoundedRect(box, 6, 6)
        ink, dim = ("on_accent", "on_accent") if on else ("text", "muted")
        middle, left = Qt.AlignmentFlag.AlignVCenter, Qt.AlignmentFlag.AlignLeft
        text = box.adjusted(10, 5, -10, -5)
        if entry.mark:
            right = Qt.AlignmentFlag.AlignRight | middle
            colour = theme.colour("on_accent" if on else "accent")
            words(painter, text, entry.mark, 12, colour, right)
            text.setRight(text.right() - painter.fontMetrics().horizontalAdvance(entry.mark) - 10)
        if entry.detail:
            upper = QRectF(text.left(), text.top(), text.width(), text.height() / 2)
            words(painter, upper, entry.title, 14, theme.colour(ink), left | middle, bold=True)
            upper.moveTop(upper.bottom())
            words(painter, upper, entry.detail, 12, theme.colour(dim), left | middle)
        else:
            words(painter, text, entry.title, 14, theme.colour(ink), left | middle)
        painter.restore()


class SearchMenu(QFrame):
    """The same list, dropped down from a button."""

    chosen = pyqtSignal(str)

    def __init__(self, name: str, owner: QWidget, width: int = 380, height: int = 420) -> None:
        super().__init__(owner, Qt.WindowType.Popup)
        self.setProperty("card", True)
        self.list = SearchList(name, at_once=True, parent=self)
        self.list.chosen.connect(self._take)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.addWidget(self.list)
        self.resize(width, height)

    def open_at(self, button: QWidget) -> None:
        """Show it below a button, and where the screen has room. [main]"""
        corner = button.mapToGlobal(QPoint(0, button.height() + 2))
        screen = button.screen()
        if screen is not None:
            room = screen.availableGeometry()
            corner.setX(max(min(corner.x(), room.right() - self.width()), room.left()))
            corner.setY(max(min(corner.y(), room.bottom() - self.height()), room.top()))
        self.move(corner)
        self.list.search.clear()
        self.show()
        self.list.search.setFocus()

    def _take(self, entry_id: str) -> None:
        self.hide()
        self.chosen.emit(entry_id)
