"""The look of the window: fonts, Qt's palette and one style sheet, made from a palette. [main]

Own widgets ask `current()` when they paint, so that changing the theme is one call and a repaint.
"""

from __future__ import annotations

from PyQt6.QtGui import QColor, QFont, QPalette
from PyQt6.QtWidgets import QApplication

from gui.colours import Palette, mixed
from gui.palettes import DARK, PALETTES

FAMILIES = ["Inter", "Segoe UI", "Helvetica Neue", "Noto Sans", "DejaVu Sans"]
BASE_PX = 14
_current: list[Palette] = [DARK]  # one window a process; the theme is a property of the process


def current() -> Palette:
    """The palette in force. [main]"""
    return _current[0]


def colour(name: str, alpha: float = 1.0) -> QColor:
    """A colour of the palette by its name, or #rrggbb. [main]"""
    found = QColor(name if name.startswith("#") else getattr(current(), name))
    found.setAlphaF(alpha)
    return found


def part_colour(index: int, alpha: float = 1.0) -> QColor:
    """The colour of a part, counted from 0. [main]"""
    return colour(current().part(index), alpha)


def font(px: float, bold: bool = False) -> QFont:
    """The window's font at a height in pixels. [main]"""
    made = QFont()
    made.setFamilies(FAMILIES)
    made.setPixelSize(max(1, round(px)))
    made.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return made


def apply(app: QApplication, name: str) -> None:
    """Use the palette of this name for everything. [main]"""
    palette = PALETTES[name]
    _current[0] = palette
    app.setFont(font(BASE_PX))
    app.setPalette(_qt_palette(palette))
    app.setStyleSheet(style_sheet(palette))
    for widget in app.allWidgets():
        widget.update()


def _qt_palette(palette: Palette) -> QPalette:
    qt = QPalette()
    role = QPalette.ColorRole
    for where, value in (
        (role.Window, palette.window),
        (role.WindowText, palette.text),
        (role.Base, palette.raised),
        (role.AlternateBase, palette.panel),
        (role.Text, palette.text),
        (role.Button, palette.raised),
        (role.ButtonText, palette.text),
        (role.Highlight, palette.accent),
        (role.HighlightedText, palette.on_accent),
        (role.ToolTipBase, palette.raised),
        (role.ToolTipText, palette.text),
        (role.PlaceholderText, palette.muted),
        (role.Link, palette.accent),
    ):
        qt.setColor(where, QColor(value))
    return qt


def style_sheet(p: Palette) -> str:
    """Qt's style sheet for the widgets that are not painted by us. [any]"""
    hover = mixed(p.text, p.raised, 0.08)
    return f"""
QMainWindow, QDialog, QScrollArea, QScrollArea > QWidget > QWidget {{ background: {p.window}; }}
QWidget {{ color: {p.text}; }}
QFrame[card="true"] {{ background: {p.panel}; border-radius: 10px; }}
QLabel {{ background: transparent; }}
QLabel[role="title"] {{ font-size: 22px; font-weight: 600; }}
QLabel[role="heading"] {{ font-size: 16px; font-weight: 600; }}
QLabel[role="muted"] {{ color: {p.muted}; }}
QLabel[role="good"] {{ color: {p.good}; }}
QLabel[role="warn"] {{ color: {p.warn}; }}
QLabel[role="bad"] {{ color: {p.bad}; }}
QPushButton, QToolButton {{
  background: {p.raised}; border: 1px solid {p.line}; border-radius: 7px;
  padding: 6px 14px; min-height: 20px;
}}
QPushButton:hover, QToolButton:hover {{ background: {hover}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {p.line}; }}
QPushButton:checked, QToolButton:checked {{
  background: {p.accent}; color: {p.on_accent}; border-color: {p.accent};
}}
QPushButton:disabled, QToolButton:disabled {{ color: {p.line}; border-color: {p.faint}; }}
QPushButton:focus, QToolButton:focus {{ border: 2px solid {p.accent}; padding: 5px 13px; }}
QPushButton:checked:focus {{ border: 2px solid {p.text}; }}
QPushButton[role="primary"] {{
  background: {p.accent}; color: {p.on_accent}; border-color: {p.accent}; font-weight: 600;
}}
QPushButton[role="primary"]:hover {{ background: {mixed(p.accent, p.text, 0.85)}; }}
QPushButton[role="primary"]:disabled {{
  background: {p.raised}; color: {p.line}; border-color: {p.faint};
}}
QPushButton[role="panic"] {{
  background: {p.bad}; color: {p.on_bad}; border-color: {p.bad}; font-weight: 700; font-size: 16px;
}}
QPushButton[role="panic"]:hover {{ background: {mixed(p.bad, p.text, 0.85)}; }}
QPushButton[role="panic"]:focus {{ border: 2px solid {p.text}; }}
QPushButton[role="nav"] {{
  background: transparent; border: none; border-radius: 8px; text-align: left;
  padding: 9px 12px; font-size: 15px; color: {p.muted};
}}
QPushButton[role="nav"]:hover {{ background: {p.faint}; color: {p.text}; }}
QPushButton[role="nav"]:checked {{
  background: {p.raised}; color: {p.text}; font-weight: 600; border-left: 3px solid {p.accent};
}}
QPushButton[role="nav"]:focus {{ border: 2px solid {p.accent}; padding: 7px 10px; }}
QPushButton[role="flat"] {{ background: transparent; border: 1px solid transparent; }}
QPushButton[role="flat"]:hover {{ background: {p.raised}; }}
QPushButton[role="flat"]:focus {{ border: 2px solid {p.accent}; }}
QPushButton[role="small"] {{
  font-size: 11px; padding: 2px 6px; min-height: 18px; border-radius: 5px; color: {p.muted};
}}
QPushButton[role="small"]:focus {{ padding: 1px 5px; }}
QPushButton[role="mute"], QPushButton[role="solo"] {{
  padding: 3px 4px; min-height: 20px; font-weight: 700;
}}
QPushButton[role="mute"]:focus, QPushButton[role="solo"]:focus {{ padding: 2px 3px; }}
QPushButton[role="mute"]:checked {{
  background: {p.bad}; color: {p.on_bad}; border-color: {p.bad};
}}
QPushButton[role="solo"]:checked {{
  background: {p.warn}; color: {p.window}; border-color: {p.warn};
}}
QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox, QPlainTextEdit, QTextEdit {{
  background: {p.raised}; border: 1px solid {p.line}; border-radius: 7px; padding: 5px 9px;
  min-height: 20px; selection-background-color: {p.accent}; selection-color: {p.on_accent};
}}
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus, QPlainTextEdit:focus {{
  border: 2px solid {p.accent}; padding: 4px 8px;
}}
QComboBox::drop-down {{ border: none; width: 22px; }}
QComboBox QAbstractItemView {{
  background: {p.raised}; border: 1px solid {p.line}; outline: none; padding: 4px;
  selection-background-color: {p.accent}; selection-color: {p.on_accent};
}}
QListView, QTreeView, QTableView {{
  background: {p.panel}; border: 1px solid {p.faint}; border-radius: 8px; outline: none;
  alternate-background-color: {p.window}; gridline-color: {p.faint};
}}
QListView:focus, QTreeView:focus, QTableView:focus {{ border: 2px solid {p.accent}; }}
QListView::item, QTreeView::item {{ padding: 7px 8px; border-radius: 6px; }}
QListView::item:selected, QTreeView::item:selected, QTableView::item:selected {{
  background: {p.accent}; color: {p.on_accent};
}}
QHeaderView::section {{
  background: {p.panel}; color: {p.muted}; border: none; border-bottom: 1px solid {p.faint};
  padding: 6px 8px;
}}
QCheckBox, QRadioButton {{ spacing: 8px; background: transparent; padding: 3px; }}
QCheckBox:focus, QRadioButton:focus {{
  border: 2px solid {p.accent}; border-radius: 5px; padding: 1px;
}}
QScrollBar:vertical {{ background: transparent; width: 12px; margin: 2px; }}
QScrollBar:horizontal {{ background: transparent; height: 12px; margin: 2px; }}
QScrollBar::handle {{
  background: {p.line}; border-radius: 4px; min-height: 28px; min-width: 28px;
}}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QScrollArea {{ border: none; }}
QTabWidget::pane {{ border: none; }}
QTabBar::tab {{
  background: transparent; color: {p.muted}; padding: 8px 16px;
  border-bottom: 2px solid transparent;
}}
QTabBar::tab:selected {{ color: {p.text}; border-bottom: 2px solid {p.accent}; }}
QTabBar:focus {{ border: 1px solid {p.accent}; }}
QMenu {{ background: {p.raised}; border: 1px solid {p.line}; padding: 5px; }}
QMenu::item {{ padding: 7px 24px 7px 14px; border-radius: 5px; }}
QMenu::item:selected {{ background: {p.accent}; color: {p.on_accent}; }}
QMenu::item:disabled {{ color: {p.muted}; }}
QMenu::separator {{ height: 1px; background: {p.line}; margin: 5px 8px; }}
QToolTip {{ background: {p.raised}; color: {p.text}; border: 1px solid {p.line}; padding: 6px; }}
QProgressBar {{ background: {p.raised}; border: none; border-radius: 5px; text-align: center; }}
QProgressBar::chunk {{ background: {p.accent}; border-radius: 5px; }}
QSplitter::handle {{ background: {p.faint}; }}
"""
