"""Who plays: an ensemble's parts as the callback is told of them, and what they play from.

A bank is memory of ours that voices read; it is freed when the callback says that none does. Morph
sounds are kept by `engine.morph_memory` in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import SimpleNamespace

from engine.banks import Bank, render_bank
from engine.ensembles import MODEL_CLASSES, MORPH, Ensemble, Part
from engine.fluidsynth import FluidSynth, FluidSynthError
from engine.inbox import Inbox
from engine.morph_memory import MorphMemory
from engine.morph_sounds import MorphSound, MorphSoundError, load_morph_sound
from engine.pads import Course, Pads, pad_settings
from engine.parameters import (
    ASSIGNERS,
    CHORD_MODES,
    KEYSWITCH_MODES,
    LOW_CONFIDENCE,
    PART_HINTS,
)
from engine.rt import layout
from engine.rt.layout import MAX_PARTS

DESTINATIONS = {
    "soundfont": layout.SOUNDFONT,
    "bank": layout.BANK_VOICES,
    "midi": layout.NOWHERE,
    MORPH: layout.MORPH,
}


@dataclass(frozen=True)
class Sounds:
    """The slots a part plays from, of its bank and of its morph sound (-1: none); and this."""

    bank: int = 0
    morph: int = -1
    sound: MorphSound | None = None


class Players:
    """The parts and banks of one rig. The inbox to tell it through is given each time: no cycle."""

    def __init__(self, rig: SimpleNamespace, synth: FluidSynth) -> None:
        self._entries = rig.banks
        self._synth = synth
        self.banks: dict[int, Bank] = {}  # by slot, while the callback may read them
        self.slots: dict[tuple[int, int, int, int], int] = {}  # program, bank, low, high
        self._ahead: set[Sounds] = set()  # slots kept for ensembles to come
        self.morphs = MorphMemory(rig)
        self._morph_slots = [-1] * MAX_PARTS  # as each part was told last
        self.pads = Pads(rig)

    def prepare(self, ensemble: Ensemble) -> list[Sounds]:
        """Return the slots each part plays from, with all sounds at hand. [main]

        Raises FluidSynthError if the SoundFont lacks a program, MorphSoundError if a morph sound
        cannot be played, and nothing has changed.
        """
        for part in ensemble.parts:
            self._pin(part)
        sounds = [self._sounds_of(index, part) for index, part in enumerate(ensemble.parts)]
        for index, one in enumerate(sounds):
            if one.sound is not None and self.morphs.model is not None:
                self.pads.prepare(index, one.sound, self.morphs.model)
        return sounds

    def switch(
        self,
        inbox: Inbox,
        ensemble: Ensemble,
        sounds: list[Sounds],
        frame: int,
        keep_pads: bool = False,
    ) -> None:
        """Have these parts play from a frame on; let go of banks nobody needs then. [main]

        `keep_pads`: where a part plays the morph sound it has, its pad stays as it is.
        """
        for index in range(len(ensemble.parts), MAX_PARTS):
            inbox.command(layout.SET, layout.ACTIVE, index, 0, frame)
        for index, part in enumerate(ensemble.parts):
            if sounds[index].sound is not None:
                self._switch_pad(inbox, index, sounds[index], frame, keep_pads)
            self._morph_slots[index] = sounds[index].morph
            self._switch_part(inbox, index, part, sounds[index].bank, frame)
        self.map_classes(inbox, ensemble, frame)
        inbox.set("chord_window_ms", ensemble.chord_window_ms, frame=frame)
        inbox.set("chord_mode", CHORD_MODES.index(ensemble.chord_mode), frame=frame)
        inbox.set("assigner", ASSIGNERS.index(ensemble.assigner), frame=frame)
        self._switch_rules(inbox, ensemble, frame)
        kept = self._ahead.union(sounds)
        for slot in set(self.slots.values()) - {one.bank for one in kept}:
            self.remove_bank(inbox, slot, frame)
        self.morphs.let_go(inbox, {one.morph for one in kept}, frame)

    def _switch_rules(self, inbox: Inbox, ensemble: Ensemble, frame: int) -> None:
        mode, rule = ensemble.keyswitch_mode, ensemble.low_confidence
        inbox.set("keyswitch_mode", KEYSWITCH_MODES.index(mode), frame=frame)
        inbox.set("low_confidence", LOW_CONFIDENCE.index(rule), frame=frame)
        inbox.set("confidence", ensemble.confidence, frame=frame)

    def _switch_part(self, inbox: Inbox, index: int, part: Part, bank: int, frame: int) -> None:
        for number, value in (
            (layout.PART_CHANNEL, part.midi_channel - 1),
            (layout.LOW, part.low),
            (layout.HIGH, part.high),
            (layout.POLYPHONY, part.polyphony),
            (layout.BANK, bank),
            (layout.PROGRAM, part.bank << 7 | part.program),
            (layout.DESTINATION, DESTINATIONS[part.sound]),
            (layout.ACTIVE, 1),
        ):
            inbox.command(layout.SET, number, index, value, frame)
        for name in ("gain_db", "pan", "reverb_send", "chorus_send", *PART_HINTS):
            inbox.set(name, getattr(part, name), index, frame)
        for name in ("mute", "solo"):
            inbox.set(name, 0, index, frame)

    def _switch_pad(self, inbox: Inbox, index: int, sounds: Sounds, frame: int, keep: bool) -> None:
        assert sounds.sound is not None
        fresh = sounds.morph != self._morph_slots[index]
        inbox.command(layout.SET, layout.MORPH_SOUND, index, sounds.morph, frame)
        if fresh or not keep:
            for name, value in pad_settings(sounds.sound).items():
                inbox.set(name, value, index, frame)
        self.pads.give(inbox, index, fresh, frame)

    def set_course(self, inbox: Inbox, part: int, course: Course) -> None:
        """Give a part's pad a trajectory of the player's own. MorphSoundError. [main]"""
        before = self.pads.course(part)
        self.pads.set_course(part, course)
        sound = self.pads.sound(part)
        if sound is None or self.morphs.model is None:
            return
        try:
            self.pads.prepare(part, sound, self.morphs.model)
        except MorphSoundError:
            self.pads.set_course(part, before)
            raise
        self.pads.give(inbox, part, False, None)

    def map_classes(self, inbox: Inbox, ensemble: Ensemble, frame: int | None) -> None:
        """Tell which part plays each class of the network, and the rules' zones. [main]"""
        for label, name in enumerate(MODEL_CLASSES[ensemble.model]):
            players = [i for i, part in enumerate(ensemble.parts) if name in part.voices]
            first = players[0] if players else -1
            inbox.command(layout.SET, layout.CLASS_PART, label, first, frame)
        for i, boundary in enumerate(ensemble.zones):
            inbox.command(layout.SET, layout.ZONE, i, boundary, frame)

    def preload(self, ensembles: Iterable[Ensemble]) -> None:
        """Have the sounds of these at hand; those of an earlier call may go. [worker]"""
        numbered = [pair for ensemble in ensembles for pair in enumerate(ensemble.parts)]
        for _, part in numbered:
            self._pin(part)
        self._ahead = {self._sounds_of(index, part) for index, part in numbered}

    def _pin(self, part: Part) -> None:
        """Have a part's program read before the callback chooses it, which it does for any part."""
        try:
            self._synth.pin(part.bank, part.program)
        except FluidSynthError:
            if part.sound in ("soundfont", "bank"):  # others do without
                raise

    def _sounds_of(self, index: int, part: Part) -> Sounds:
        if part.sound == MORPH:
            sound = load_morph_sound(part.morph)
            return Sounds(morph=self.morphs.slot(index, sound), sound=sound)
        return Sounds(bank=self._bank_of(part))

    def _bank_of(self, part: Part) -> int:
        """Return the slot of a part's bank, rendered and announced if it is new."""
        if part.sound != "bank":
            return 0
        key = (part.program, part.bank, part.low, part.high)
        if key not in self.slots:
            font = self._synth.soundfont
            self.slots[key] = self.add_bank(
                render_bank(font, part.program, part.bank, part.low, part.high)
            )
        return self.slots[key]

    def add_bank(self, bank: Bank) -> int:
        """Make a bank known to the callback; return its slot. ValueError when full. [main]"""
        for slot in range(layout.MAX_BANKS):
            if slot not in self.banks and self._entries[slot]["zones"] == 0:
                self.banks[slot] = bank
                self._entries[slot]["count"] = len(bank.zones)
                self._entries[slot]["data"] = bank.data.ctypes.data
                self._entries[slot]["leaving"] = 0
                self._entries[slot]["zones"] = bank.zones.ctypes.data  # last: now it counts
                return slot
        raise ValueError(f"all {layout.MAX_BANKS} banks are taken: remove one first")

    def remove_bank(self, inbox: Inbox, slot: int, frame: int | None = None) -> None:
        """Let go of a bank; its memory is freed when no voice reads it any more. [main]"""
        if slot not in self.banks:
            raise ValueError(f"bank {slot} is not taken")
        self.slots = {k: s for k, s in self.slots.items() if s != slot}
        inbox.command(layout.FREE_BANK, 0, slot, 0.0, frame)

    def freed(self, slots: Iterable[int]) -> None:
        """The callback reads these banks no more: let go of their memory. [main]"""
        for slot in slots:
            self.banks.pop(int(slot), None)
