"""Finding a message's row in the OSC address table, and printing the table. [any]

The rows are in `engine.address_table`, the rules for arguments in `engine.address_row`; whoever
deals with addresses imports them from here. `python -m engine.addresses` prints the table.
"""

from __future__ import annotations

from engine.address_row import (
    ASSIGNERS,
    CHORD_MODES,
    CLICKS,
    CONTINUATION_MODES,
    CONTROLS,
    KEYSWITCH_MODES,
    LEASE_S,
    LOW_CONFIDENCE,
    MIDI_OUT_MODES,
    MORPH_MODES,
    PARTS,
    PLUGINS,
    SECTIONS,
    SYNC_SOURCES,
    TRIGGER,
    VALUE,
    Address,
    Argument,
    At,
    OutOfRangeError,
    WrongMessageError,
    check,
)
from engine.address_table import DEFAULT_PORT, PROTOCOL, RECEIVED, SENT

__all__ = [
    "CHOICES",
    "DEFAULT_PORT",
    "LEASE_S",
    "PROTOCOL",
    "RECEIVED",
    "SECTIONS",
    "SENT",
    "SLOTS",
    "TRIGGER",
    "VALUE",
    "Address",
    "Argument",
    "At",
    "OutOfRangeError",
    "WrongMessageError",
    "check",
    "find",
    "markdown",
    "path_of",
]

# Parameters of the engine that are words to a player: the value is the word's place.
CHOICES = {
    "chord_mode": CHORD_MODES,
    "assigner": ASSIGNERS,
    "control": CONTROLS,
    "keyswitch_mode": KEYSWITCH_MODES,
    "low_confidence": LOW_CONFIDENCE,
    "sync_source": SYNC_SOURCES,
    "midi_out_mode": MIDI_OUT_MODES,
    "click": CLICKS,
    "continuation_mode": CONTINUATION_MODES,
    "morph_mode": MORPH_MODES,
}
SLOTS = {
    **{f"part_{number}": f"part {number}" for number in range(1, PARTS + 1)},
    "send_a": "send a",
    "send_b": "send b",
    "master": "master",
}
_EXACT = {row.path: row for row in RECEIVED if "{" not in row.path}
_PATTERNS: dict[int, list[tuple[Address, list[str]]]] = {}
for _row in RECEIVED:
    if "{" in _row.path:
        _pieces = _row.path.split("/")
        _PATTERNS.setdefault(len(_pieces), []).append((_row, _pieces))
_OF_PARAMETER = {row.parameter: row for row in RECEIVED if row.parameter}


def find(path: str) -> tuple[Address, At]:
    """The row for `path` and what its placeholders stand for. [any]

    WrongMessageError for what is no address; OutOfRangeError for a number that cannot exist.
    """
    if path in _EXACT:
        return _EXACT[path], At()
    pieces = path.split("/")
    for row, pattern in _PATTERNS.get(len(pieces), ()):
        if all(p == q or q.startswith("{") for p, q in zip(pieces, pattern, strict=True)):
            return row, _places(path, pieces, pattern)
    raise WrongMessageError(f"{path[:80]!r} is no address of this table (see engine/CONTROL.md)")


def _places(path: str, pieces: list[str], pattern: list[str]) -> At:
    part, slot, plugin, name = None, "", 0, ""
    for piece, wanted in zip(pieces, pattern, strict=True):
        if wanted == "{part}":
            part = _counted(path, "part", piece, PARTS)
        elif wanted == "{plugin}":
            plugin = _counted(path, "plugin", piece, PLUGINS)
        elif wanted == "{parameter}":
            name = piece
        elif wanted == "{slot}":
            if piece not in SLOTS:
                raise WrongMessageError(
                    f"{path[:80]}: a chain is part_1 to part_{PARTS}, send_a, send_b or master"
                )
            slot = SLOTS[piece]
    return At(part, slot, plugin, name)


def _counted(path: str, what: str, text: str, most: int) -> int:
    """A number from 1, as an index from 0."""
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise WrongMessageError(f"{path[:80]}: a {what} is a number from 1 to {most}")
    if not 1 <= int(text) <= most:
        raise OutOfRangeError(f"{path}: {what} {int(text)} is outside 1 .. {most}")
    return int(text) - 1


def path_of(parameter: str, part: int | None = None) -> str:
    """The address of an engine's parameter, "" if it has none; `part` counts from 0. [any]"""
    row = _OF_PARAMETER.get(parameter)
    if row is None or row.per_part != (part is not None):
        return ""
    return row.path.format(part=part + 1) if part is not None else row.path


def markdown() -> str:
    """Both tables as CONTROL.md prints them. [any]"""
    heads = ("address", "types", "arguments", "range", "what it does", "answer", "learn")
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for row in RECEIVED:
        names = ", ".join(a.name for a in row.arguments)
        ranges = ", ".join(a.range_text for a in row.arguments)
        does = row.does + (" (from this machine only)" if row.local else "")
        reply = row.reply or ("/ripieno/done" if row.slow else "")
        lines.append(
            f"| `{row.path}` | {row.tags} | {names} | {ranges} | {does} | {reply} | {row.learn} |"
        )
    lines += ["", "| address | types | arguments | sent to | when |", "|" + "---|" * 5]
    for out in SENT:
        lines.append(f"| `{out.path}` | {out.tags} | {out.arguments} | {out.to} | {out.does} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
