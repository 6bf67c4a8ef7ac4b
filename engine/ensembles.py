"""Ensembles: which instruments play, where they sit, and how notes are given to them.

Presets are TOML files (presets/README.md is the schema), read here and nowhere else, on the main
thread. A `Part` or `Ensemble` that exists is valid: both check themselves when they are made, and
every message names the file, the key, the value and what would be legal.
"""

import dataclasses
import logging
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import RipienoError
from engine.paths import config_folder, presets_folder
from engine.roles import ROLES, Player, share_voices

MAX_PARTS = 16
MORPH = "morph"  # of `Part.sound`
NEURAL = "neural:"  # before a morph sound's name: played by the neural synth
MAX_CLASSES = 6
MODEL_CLASSES = {  # highest first
    "chorales": ("soprano", "alto", "tenor", "bass"),
    "quartets": ("first violin", "second violin", "viola", "cello"),
    "pop": ("melody", "bridge", "high chord", "middle chord", "low chord", "bass line"),
    "general": ("first voice", "second voice", "third voice", "fourth voice", "fifth voice"),
}
MODEL_ZONES = {
    "chorales": (57, 63, 69),
    "quartets": (55, 65, 72),
    "pop": (52, 58, 61, 66, 69),
    "general": (56, 60, 66, 71),
}
MODEL_MIDDLES = {  # the key each class plays about
    "chorales": (71, 65, 59, 51),
    "quartets": (75, 67, 61, 50),
    "pop": (73, 70, 66, 62, 58, 46),
    "general": (72, 67, 62, 60, 52),
}
MODEL_PLACES = {"general": ((0, 4), (0, 2, 4), (0, 1, 3, 4))}  # classes of 2, 3, ... parts


class EnsembleError(RipienoError):
    """An ensemble that cannot be played, or a file that holds none."""


@dataclass(frozen=True)
class Number:
    """A number from `low` to `high`; whole numbers only, if `whole`."""

    low: float
    high: float
    whole: bool = False

    def check(self, value: Any) -> float:
        kinds = (int,) if self.whole else (int, float)
        # bool is an int to Python, and NaN fails every comparison
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise ValueError(str(self))
        if not self.low <= value <= self.high:
            raise ValueError(str(self))
        return value if self.whole else float(value)

    def __str__(self) -> str:
        return f"a {'whole ' if self.whole else ''}number from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Text:
    """One line of `low` to `high` printable characters, none of `without`."""

    low: int
    high: int
    without: str = ""

    def check(self, value: Any) -> str:
        good = isinstance(value, str) and self.low <= len(value) <= self.high
        if not good or not value.isprintable() or set(value) & set(self.without):
            raise ValueError(str(self))
        if value != value.strip():
            raise ValueError(f"{self}, with no space at either end")
        return value

    def __str__(self) -> str:
        without = f" without {' '.join(self.without)}" if self.without else ""
        return f"text of {self.low} to {self.high} printable characters{without}"


@dataclass(frozen=True)
class Choice:
    """One of the words in `options`."""

    options: tuple[str, ...]

    def check(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.options:
            raise ValueError(str(self))
        return value

    def __str__(self) -> str:
        return "one of " + ", ".join(f'"{option}"' for option in self.options)


@dataclass(frozen=True)
class Known:
    """One of the words there are at the time it is asked."""

    words: Callable[[], tuple[str, ...]]

    def check(self, value: Any) -> str:
        return Choice(self.words()).check(value)

    def __str__(self) -> str:
        return str(Choice(self.words()))


@dataclass(frozen=True)
class Several:
    """A list of `low` to `high` values, each following `rule`."""

    rule: Number | Text | Choice | Known
    low: int
    high: int

    def check(self, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or not self.low <= len(value) <= self.high:
            raise ValueError(str(self))
        try:
            return tuple(self.rule.check(item) for item in value)
        except ValueError:
            raise ValueError(str(self)) from None

    def __str__(self) -> str:
        count = f"{self.low}" if self.low == self.high else f"{self.low} to {self.high}"
        return f"a list of {count}, each {self.rule}"


def _all_classes() -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in MODEL_CLASSES.values() for name in names))


PART_RULES = {
    "name": Text(1, 32, without='/\\:"'),  # names ports, tracks and stem files
    "program": Number(0, 127, whole=True),
    "bank": Number(0, 128, whole=True),
    "sound": Choice(("soundfont", "bank", "midi", MORPH)),
    "morph": Text(1, 400),
    "low": Number(0, 127, whole=True),
    "high": Number(0, 127, whole=True),
    "polyphony": Number(1, 64, whole=True),
    "gain_db": Number(-60, 12),
    "pan": Number(-1, 1),
    "reverb_send": Number(0, 1),
    "chorus_send": Number(0, 1),
    "midi_channel": Number(1, 16, whole=True),
    "playing": Number(0, 1, whole=True),
    "home": Number(-1, 127, whole=True),
    "lock_low": Number(-1, 127, whole=True),
    "lock_high": Number(-1, 127, whole=True),
    "pin_channel": Number(0, 16, whole=True),
    "keyswitch": Number(-1, 127, whole=True),
    "doubles": Number(0, MAX_PARTS, whole=True),
    "double_octaves": Number(-2, 2, whole=True),
    "role": Choice(ROLES),
    "voices": Several(Known(_all_classes), 0, MAX_CLASSES),
}
ENSEMBLE_RULES = {
    "id": Text(1, 64, without='/\\:"'),
    "name": Text(1, 64),
    "description": Text(0, 400),
    "tags": Several(Text(1, 32), 0, 16),
    "model": Known(lambda: tuple(MODEL_CLASSES)),
    "chord_window_ms": Number(0, 45),
    "chord_mode": Choice(("wait", "settle")),
    "assigner": Choice(("network", "zones", "closest")),
    "zones": Several(Number(1, 127, whole=True), 0, MAX_CLASSES - 1),
    "keyswitch_mode": Choice(("hold", "latch")),
    "low_confidence": Choice(("off", "nearest", "last", "tutti")),
    "confidence": Number(0, 1),
    "soundfont": Text(0, 400),
}


@dataclass(frozen=True)
class Part:
    """One instrument of the ensemble; raises EnsembleError on an illegal value. [any]"""

    name: str
    program: int  # General MIDI, counted from 0
    bank: int = 0  # 128 holds the percussion sets of a SoundFont
    sound: str = "soundfont"  # "bank": our own voices, over notes rendered from the program;
    # "midi": none here, its notes only go out; "morph": our own voices again, see `morph`
    morph: str = "breathing_winds"  # a morph sound's id or file, played if `sound` says so
    low: int = 0  # MIDI keys, as they sound
    high: int = 127
    polyphony: int = 8  # notes at once; the oldest yields
    gain_db: float = 0.0
    pan: float = 0.0  # -1 left .. 1 right, as the audience hears it
    reverb_send: float = 0.2
    chorus_send: float = 0.0
    midi_channel: int = 1  # 1..16, in files and on ports
    playing: int = 1  # 0: out, gets no notes of the player's
    home: int = -1  # the key about which it tends to lie; -1: none, as for the next keys
    lock_low: int = -1  # keys from here to lock_high are always its own
    lock_high: int = -1
    pin_channel: int = 0  # notes of this keyboard channel, 1..16, are its own; 0: none
    keyswitch: int = -1  # this key gives it the next notes, and does not sound
    doubles: int = 0  # number, from 1, of the part whose notes it plays too; 0: none
    double_octaves: int = 0  # so many octaves above or below
    role: str = ""  # melody, inner, bass or none: what it may be given if no part names voices
    voices: tuple[str, ...] = ()  # the model's classes that this part plays

    def __post_init__(self) -> None:
        _check_fields(self, PART_RULES)
        if self.low > self.high:
            raise EnsembleError(f"low = {self.low} must not be above high = {self.high}")


@dataclass(frozen=True)
class Ensemble:
    """1 to 16 parts and how notes reach them; raises EnsembleError on an illegal value. [any]

    Either every class of the model is played by exactly one part, or no part plays any (then
    notes must name their part, as those of a MIDI file's tracks do). A model for any number of
    parts may leave classes to nobody. A preset that names no voices
    is read with those that suit its parts.
    """

    id: str  # the stem of the file
    name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    model: str = "chorales"
    chord_window_ms: float = 0.0
    chord_mode: str = "wait"
    assigner: str = "network"
    zones: tuple[int, ...] = ()  # keys at which the next higher class begins; (): the model's own
    keyswitch_mode: str = "hold"
    low_confidence: str = "off"  # where notes go that the network is not sure of
    confidence: float = 0.5  # the probability below which it is not
    soundfont: str = ""  # a file; empty: the system's best

    def __post_init__(self) -> None:
        _check_fields(self, ENSEMBLE_RULES)
        if not 1 <= len(self.parts) <= MAX_PARTS:
            raise EnsembleError(f"has {len(self.parts)} parts, must have 1 to {MAX_PARTS}")
        if not self.zones:
            object.__setattr__(self, "zones", _zones_of(self.model))
        boundaries = len(MODEL_CLASSES[self.model]) - 1
        if len(self.zones) != boundaries:
            raise EnsembleError(
                f"zones = {_show(self.zones)} must be a list of {boundaries}, one fewer than the "
                f"voices of {self.model}"
            )
        if sorted(set(self.zones)) != list(self.zones):
            raise EnsembleError(f"zones = {_show(self.zones)} must rise from each to the next")
        names = [part.name.casefold() for part in self.parts]
        for name in names:
            if names.count(name) > 1:
                raise EnsembleError(f'two parts share the name "{name}", each needs its own')
        played = [voice for part in self.parts for voice in part.voices]
        for voice in MODEL_CLASSES[self.model] if played else ():
            if played.count(voice) != 1 and not (
                self.model in MODEL_PLACES and played.count(voice) == 0
            ):
                raise EnsembleError(
                    f'the voice "{voice}" is played by {played.count(voice)} parts, must be '
                    "in the voices of exactly one"
                )

    @property
    def soundfont_path(self) -> Path | None:
        """The SoundFont this ensemble asks for, if any. [any]"""
        return Path(self.soundfont) if self.soundfont else None


def _zones_of(model: str) -> tuple[int, ...]:
    count = len(MODEL_CLASSES[model]) - 1
    even = tuple(round(57 + 12 * place / max(count - 1, 1)) for place in range(count))
    return MODEL_ZONES.get(model, even)


def with_voices(ensemble: Ensemble) -> Ensemble:
    """Give the model's voices to the parts by range and role; `engine.roles` says how. [any]

    Raises EnsembleError if no part may have any.
    """
    classes = MODEL_CLASSES[ensemble.model]
    spread = tuple(round(72 - 24 * place / (len(classes) - 1)) for place in range(len(classes)))
    players = [Player(p.low, p.high, p.role, p.bank, p.doubles) for p in ensemble.parts]
    middles = MODEL_MIDDLES.get(ensemble.model, spread)
    able = sum(player.available for player in players)
    places = dict(enumerate(MODEL_PLACES.get(ensemble.model, ()), start=2))
    chosen = places.get(able, tuple(range(len(classes))))
    shares = share_voices(players, [middles[k] for k in chosen])
    if not any(shares):
        voices = ", ".join(f'"{voice}"' for voice in classes)
        raise EnsembleError(f"no part may play a voice, each of {voices} needs one")
    parts = tuple(
        dataclasses.replace(part, voices=tuple(classes[chosen[k]] for k in share))
        for part, share in zip(ensemble.parts, shares, strict=True)
    )
    return dataclasses.replace(ensemble, parts=parts)


def with_sound(ensemble: Ensemble, sound: str) -> Ensemble:
    """Return the ensemble with this morph sound on every part; "morph": each part's own. [any]

    With "neural:" before it the same; `engine.neural.sounds` then plays over it.
    """
    sound = sound.removeprefix(NEURAL)
    chosen = {} if sound == MORPH else {"morph": sound}
    parts = tuple(dataclasses.replace(part, sound=MORPH, **chosen) for part in ensemble.parts)
    return dataclasses.replace(ensemble, parts=parts)


def load_ensemble(name_or_path: str | Path) -> Ensemble:
    """Read one preset: an id such as "satb_choir", or the path of a .toml file. [main]"""
    path = Path(name_or_path)
    if path.suffix.lower() == ".toml":
        return _read(path)
    found = _preset_files()
    if str(name_or_path) not in found:
        raise EnsembleError(
            f'there is no ensemble "{name_or_path}": choose one of {", ".join(sorted(found))}, '
            "or give the path of a .toml file"
        )
    return _read(found[str(name_or_path)])


def list_ensembles() -> list[Ensemble]:
    """Every preset, by name; a broken file of the user's is logged and left out. [main]"""
    ensembles = []
    for path in _preset_files().values():
        try:
            ensembles.append(_read(path))
        except EnsembleError as error:
            if path.parent == _shipped_folder():
                raise
            logging.getLogger("ripieno").warning("%s", error)
    return sorted(ensembles, key=lambda ensemble: ensemble.name)


def _shipped_folder() -> Path:
    return presets_folder() / "ensembles"


def _preset_files() -> dict[str, Path]:
    """Preset id -> file; the user's own come before the program's."""
    folders = [_shipped_folder(), config_folder() / "ensembles"]
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}


def _read(path: Path) -> Ensemble:
    try:
        table = tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise EnsembleError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise EnsembleError(f"{path} is not UTF-8 text, at byte {error.start}") from error
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise EnsembleError(f"{path} is not valid TOML: {reason}") from error
    try:
        ensemble = _build(path.stem, table)
    except EnsembleError as error:
        raise EnsembleError(f"{path}: {error}") from error
    if not ensemble.soundfont:
        return ensemble
    soundfont = path.parent / Path(ensemble.soundfont).expanduser()  # an absolute one stays
    return dataclasses.replace(ensemble, soundfont=str(soundfont))


def _build(preset_id: str, table: dict[str, Any]) -> Ensemble:
    _check_keys(table, {*ENSEMBLE_RULES, "parts"} - {"id"}, required=("name", "parts"))
    tables = table["parts"]
    if not isinstance(tables, list) or not all(isinstance(item, dict) for item in tables):
        raise EnsembleError(f"parts = {_show(tables)} must be tables, each headed [[parts]]")
    parts = []
    for number, values in enumerate(tables, start=1):
        try:
            _check_keys(values, set(PART_RULES), required=("name", "program"))
            parts.append(Part(**{"midi_channel": min(number, 16), **values}))
        except EnsembleError as error:
            raise EnsembleError(f"part {number}: {error}") from error
    ensemble = Ensemble(id=preset_id, **{**table, "parts": tuple(parts)})
    return ensemble if any(part.voices for part in parts) else with_voices(ensemble)


def _check_keys(table: dict[str, Any], legal: set[str], required: tuple[str, ...]) -> None:
    for key in table:
        if key not in legal:
            raise EnsembleError(f"unknown key {_show(key)}, legal are {', '.join(sorted(legal))}")
    for key in required:
        if key not in table:
            raise EnsembleError(f'the key "{key}" is missing')


def _check_fields(record: Any, rules: dict[str, Any]) -> None:
    """Check every field that has a rule and store it in its own type (an int gain as a float)."""
    for field in dataclasses.fields(record):
        if field.name not in rules:
            continue
        value = getattr(record, field.name)
        try:
            checked = rules[field.name].check(value)
        except ValueError as error:
            message = f"{field.name} = {_show(value)} must be {error}"
            raise EnsembleError(message) from None
        object.__setattr__(record, field.name, checked)


def _show(value: Any) -> str:
    """The value as one short line, whatever it is."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits; a deep nest
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."
