"""The instruments of General MIDI by family, to choose a part's from: the engine's list. [any]"""

from engine.general_midi import FAMILIES, INSTRUMENTS, family, find, instrument

__all__ = ["FAMILIES", "INSTRUMENTS", "family", "find", "instrument"]
