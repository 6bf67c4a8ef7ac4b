"""Which of the player's controls moves which address. [any]"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SHORT = {"controller": "CC", "note": "key", "program": "PC", "bend": "bend", "pressure": "press"}
NUMBERED = ("controller", "note", "program")


@dataclass(frozen=True)
class Learned:
    """The learned controls, by address."""

    waiting: str = ""  # the address that waits for a control
    waiting_for: str = ""  # controls or notes
    by_address: dict[str, tuple[dict[str, Any], ...]] | None = None

    def bindings(self, address: str) -> tuple[dict[str, Any], ...]:
        """What moves this address. [any]"""
        return (self.by_address or {}).get(address, ())

    def badge(self, address: str) -> str:
        """What a badge says: "CC 20", "learn" while it waits, or nothing. [any]"""
        if address and address == self.waiting:
            return "move it"
        return ", ".join(_name(binding) for binding in self.bindings(address)[:2])


def read(section: dict[str, Any]) -> Learned:
    """The state's section. [any]"""
    found: dict[str, tuple[dict[str, Any], ...]] = {}
    for binding in section.get("bindings", ()):
        found[binding["address"]] = (*found.get(binding["address"], ()), binding)
    return Learned(section.get("waiting", ""), section.get("waiting_for", ""), found)


def _name(binding: dict[str, Any]) -> str:
    kind = str(binding.get("by", "controller"))
    name = SHORT.get(kind, kind)
    return f"{name} {binding.get('number', 0)}" if kind in NUMBERED else name
