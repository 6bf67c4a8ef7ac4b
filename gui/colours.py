"""The window's colours and what can be told of them by arithmetic. No Qt. [any]

Two palettes, dark and light. Text keeps the contrast of WCAG AA (4.5 to 1, large text and shapes
3 to 1); neighbouring parts differ also for eyes that lack one kind of cone. Tests measure both.
"""

from __future__ import annotations

from dataclasses import dataclass

AA_TEXT, AA_LARGE = 4.5, 3.0
CONES = {  # what is seen of linear red, green and blue (Viénot, Brettel and Mollon 1999)
    "usual": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protan": ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
    "deutan": ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
}
_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
_WHITE = (0.9505, 1.0, 1.089)


@dataclass(frozen=True)
class Palette:
    """All colours of one theme, as #rrggbb."""

    name: str
    window: str  # behind everything
    panel: str  # what things lie on
    raised: str  # buttons, fields
    line: str  # borders that must be seen
    faint: str  # grid lines, that need not
    text: str
    muted: str  # labels beside the text
    accent: str  # what is chosen, focus
    on_accent: str
    good: str
    warn: str
    bad: str
    on_bad: str
    parts: tuple[str, ...]

    def part(self, index: int) -> str:
        """The colour of a part, counted from 0; -1 is nobody's. [any]"""
        return self.muted if index < 0 else self.parts[index % len(self.parts)]


def rgb(colour: str) -> tuple[float, float, float]:
    """#rrggbb as numbers from 0 to 1. [any]"""
    return (
        int(colour[1:3], 16) / 255.0,
        int(colour[3:5], 16) / 255.0,
        int(colour[5:7], 16) / 255.0,
    )


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it. [any]"""
    red, green, blue = (_linear(channel) for channel in rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """The contrast of two colours, 1 to 21. [any]"""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def difference(first: str, second: str, eyes: str = "usual") -> float:
    """How different two colours look (CIE 1976 ΔE) to eyes of CONES. [any]"""
    return (
        sum((a - b) ** 2 for a, b in zip(_lab(first, eyes), _lab(second, eyes), strict=True)) ** 0.5
    )


def mixed(first: str, second: str, share: float) -> str:
    """`share` of the first over the second. [any]"""
    return "#" + "".join(
        f"{round(255 * (share * a + (1 - share) * b)):02X}"
        for a, b in zip(rgb(first), rgb(second), strict=True)
    )


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _lab(colour: str, eyes: str) -> tuple[float, float, float]:
    linear = [_linear(channel) for channel in rgb(colour)]
    seen = [sum(w * c for w, c in zip(row, linear, strict=True)) for row in CONES[eyes]]
    xyz = [sum(w * max(0.0, c) for w, c in zip(row, seen, strict=True)) for row in _XYZ]
    x, y, z = (_cube_root(value / white) for value, white in zip(xyz, _WHITE, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _cube_root(value: float) -> float:
    return value ** (1 / 3) if value > 0.008856 else 7.787 * value + 16 / 116
