"""The models that ship: name -> weights file, sha256, licence, card, and what each is for.

An entry is a TOML file in models/weights, its stem the model's name, its `kind` what it does:
separate the parts of one keyboard (the default), do so with the whole score in view (offline
separation), continue music, know how rhythms go on, morph sounds (for the callback, or in the
paper's form for the neural synth), or hear notes in them. Read by the session before the stream
starts, by the continuation, by plugin hosts, by the benchmarks and by training.
Nothing is unpickled.
"""

import hashlib
import tomllib
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import ModelError

WEIGHTS = Path(__file__).parent / "weights"
SEPARATION, CONTINUATION, RHYTHM = "separation", "continuation", "rhythm"
OFFLINE, MORPH, TRANSCRIPTION = "offline separation", "morph", "transcription"
PAPER_MORPH, JUDGE = "paper morph", "transcription judge"
KINDS = (SEPARATION, CONTINUATION, RHYTHM, OFFLINE, MORPH, PAPER_MORPH, TRANSCRIPTION, JUDGE)


@dataclass(frozen=True)
class Entry:
    """What the registry knows of every model."""

    name: str
    description: str
    file: Path
    sha256: str
    licence: str
    card: Path

    def __post_init__(self) -> None:
        if len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef"):
            raise ModelError(
                f"model '{self.name}': sha256 must be 64 hex digits, got '{self.sha256}'"
            )


@dataclass(frozen=True)
class Model(Entry):
    """A model that separates parts. Classes go from the highest voice to the lowest."""

    classes: tuple[str, ...]
    zones: tuple[int, ...]  # rising keys at which the next higher class begins
    middle_pitches: tuple[int, ...]  # the key each class plays about, a start for closest-pitch
    live_accuracy: tuple[tuple[float, float], ...]  # chord window in ms, % of live notes right

    def __post_init__(self) -> None:
        super().__post_init__()
        count = len(self.classes)
        if not 2 <= count <= 6:
            raise ModelError(f"model '{self.name}': classes must be 2 to 6, got {count}")
        for name, values, length in (
            ("zones", self.zones, count - 1),
            ("middle_pitches", self.middle_pitches, count),
        ):
            if len(values) != length or not all(0 <= value <= 127 for value in values):
                raise ModelError(
                    f"model '{self.name}': {name} must be {length} keys of 0 to 127, got {values}"
                )
        windows = [window for window, _ in self.live_accuracy]
        if not windows or windows != sorted(set(windows)):
            raise ModelError(f"model '{self.name}': live_accuracy must rise in ms, got {windows}")
        if list(self.zones) != sorted(self.zones):
            raise ModelError(f"model '{self.name}': zones must rise, got {self.zones}")

    def accuracy_at(self, window_ms: float) -> float:
        """Return the accuracy in % that a chord window gives, between measured ones. [any]"""
        windows, accuracies = zip(*self.live_accuracy, strict=True)
        return float(np.interp(window_ms, windows, accuracies))


@dataclass(frozen=True)
class OfflineModel(Entry):
    """A model that separates the parts of a whole score. Classes go from the highest down."""

    classes: tuple[str, ...]
    middle_pitches: tuple[int, ...]
    accuracy: float  # % of the notes of held-out pieces

    def __post_init__(self) -> None:
        super().__post_init__()
        count = len(self.classes)
        if not 2 <= count <= 6 or len(self.middle_pitches) != count:
            raise ModelError(
                f"model '{self.name}': classes must be 2 to 6 with as many middle_pitches, "
                f"got {count} and {len(self.middle_pitches)}"
            )
        if not 0 <= self.accuracy <= 100:
            raise ModelError(f"model '{self.name}': accuracy must be a %, got {self.accuracy}")


@dataclass(frozen=True)
class MorphEntry(Entry):
    """A model that knows instruments: models.morph's, or the judge of transcribed notes."""

    instruments: tuple[str, ...]


@dataclass(frozen=True)
class TranscriptionModel(Entry):
    """A model that hears notes in sound, and which of its instruments plays them."""

    instruments: tuple[str, ...]
    programs: tuple[int, ...]  # of General MIDI, 0..127, one an instrument

    def __post_init__(self) -> None:
        super().__post_init__()
        good = len(self.instruments) == len(self.programs) > 0
        if not good or not all(0 <= program <= 127 for program in self.programs):
            raise ModelError(
                f"model '{self.name}': instruments must have as many programs of 0 to 127, "
                f"got {len(self.instruments)} and {self.programs}"
            )


def list_models(folder: Path = WEIGHTS) -> list[Model]:
    """Return every model that separates parts, by name. [main]"""
    names = [path.stem for path in sorted(folder.glob("*.toml"))]
    return [find(name, folder) for name in names if _kind(folder / f"{name}.toml") == SEPARATION]


def list_continuations(folder: Path = WEIGHTS) -> list[Entry]:
    """Return every model that continues music, by name. [main]"""
    names = [path.stem for path in sorted(folder.glob("*.toml"))]
    kinds = [_kind(folder / f"{name}.toml") for name in names]
    return [
        find_continuation(name, folder)
        for name, kind in zip(names, kinds, strict=True)
        if kind == CONTINUATION
    ]


def find(name: str, folder: Path = WEIGHTS) -> Model:
    """Return a registered model that separates parts. [main]"""
    path, entry = _entry(name, SEPARATION, folder)
    return Model(
        **_common(path, entry),
        classes=tuple(_list(path, entry, "classes", str)),
        zones=tuple(_list(path, entry, "zones", int)),
        middle_pitches=tuple(_list(path, entry, "middle_pitches", int)),
        live_accuracy=tuple(
            _pair(path, pair) for pair in _list(path, entry, "live_accuracy", list)
        ),
    )


def find_continuation(name: str, folder: Path = WEIGHTS) -> Entry:
    """Return a registered model that continues music: models.mmt.decoder.shipped loads it. [any]"""
    return Entry(**_common(*_entry(name, CONTINUATION, folder)))


def list_offline(folder: Path = WEIGHTS) -> list[OfflineModel]:
    """Return every model that separates the parts of a whole score, by name. [main]"""
    names = [path.stem for path in sorted(folder.glob("*.toml"))]
    kinds = [_kind(folder / f"{name}.toml") for name in names]
    return [
        find_offline(name, folder)
        for name, kind in zip(names, kinds, strict=True)
        if kind == OFFLINE
    ]


def find_offline(name: str, folder: Path = WEIGHTS) -> OfflineModel:
    """Return a registered one: models.offline_parts runs it. [main]"""
    path, entry = _entry(name, OFFLINE, folder)
    accuracy = entry.get("accuracy")
    if isinstance(accuracy, bool) or not isinstance(accuracy, int | float):
        raise ModelError(f"{path}: 'accuracy' must be a number, got {accuracy!r}")
    return OfflineModel(
        **_common(path, entry),
        classes=tuple(_list(path, entry, "classes", str)),
        middle_pitches=tuple(_list(path, entry, "middle_pitches", int)),
        accuracy=float(accuracy),
    )


def list_morphs(folder: Path = WEIGHTS) -> list[MorphEntry]:
    """Return every model of morph voices, by name. [main]"""
    names = [path.stem for path in sorted(folder.glob("*.toml"))]
    return [find_morph(name, folder) for name in names if _kind(folder / f"{name}.toml") == MORPH]


def find_morph(name: str, folder: Path = WEIGHTS) -> MorphEntry:
    """Return a registered model of morph voices. [main]"""
    path, entry = _entry(name, MORPH, folder)
    return MorphEntry(
        **_common(path, entry), instruments=tuple(_list(path, entry, "instruments", str))
    )


def find_paper_morph(name: str, folder: Path = WEIGHTS) -> MorphEntry:
    """Return a registered model in the paper's form; models.morph.paper_model loads it. [main]"""
    path, entry = _entry(name, PAPER_MORPH, folder)
    return MorphEntry(
        **_common(path, entry), instruments=tuple(_list(path, entry, "instruments", str))
    )


def find_rhythm(name: str, folder: Path = WEIGHTS) -> Entry:
    """Return a registered table of rhythms; engine.beat_rhythm loads it. [main]"""
    return Entry(**_common(*_entry(name, RHYTHM, folder)))


def find_transcription(name: str, folder: Path = WEIGHTS) -> TranscriptionModel:
    """Return a registered one: models.transcription.network runs it. [main]"""
    path, entry = _entry(name, TRANSCRIPTION, folder)
    return TranscriptionModel(
        **_common(path, entry),
        instruments=tuple(_list(path, entry, "instruments", str)),
        programs=tuple(_list(path, entry, "programs", int)),
    )


def find_judge(name: str, folder: Path = WEIGHTS) -> MorphEntry:
    """Return a registered one: models.transcription.judge runs it. [main]"""
    path, entry = _entry(name, JUDGE, folder)
    return MorphEntry(
        **_common(path, entry), instruments=tuple(_list(path, entry, "instruments", str))
    )


def load(model: Model | str) -> dict[str, np.ndarray]:
    """Return array name -> float32 array, the file's sha256 checked first. [main]"""
    if isinstance(model, str):
        model = find(model)
    return read_weights(content(model), str(model.file))


def content(entry: Entry) -> bytes:
    """Return what is in a model's file, its sha256 checked. [main]"""
    try:
        found = entry.file.read_bytes()
    except OSError as error:
        raise ModelError(f"{entry.file} cannot be read: {error.strerror}") from error
    digest = hashlib.sha256(found).hexdigest()
    if digest != entry.sha256:
        raise ModelError(
            f"{entry.file} is damaged: its sha256 is {digest[:12]}..., "
            f"the registry says {entry.sha256[:12]}..."
        )
    return found


def read_weights(content: bytes, name: str) -> dict[str, np.ndarray]:
    """Return the float32 arrays of an .npz file's bytes; `name` is for messages. [main]"""
    try:
        with np.load(BytesIO(content), allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{name} is not a file of weights (.npz)") from error
    for key, array in arrays.items():
        if array.dtype != np.float32:
            raise ModelError(f"{name}: array '{key}' must be float32, got {array.dtype}")
    return arrays


def _entry(name: str, kind: str, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Return an entry's file and content; ModelError if there is none of this kind."""
    path = folder / f"{name}.toml"
    if path.parent != folder or not path.is_file():
        known = [entry.stem for entry in sorted(folder.glob("*.toml")) if _kind(entry) == kind]
        raise ModelError(f"there is no model '{name}'; there are: {', '.join(known) or 'none'}")
    if _kind(path) != kind:
        raise ModelError(f"model '{name}' is one for {_kind(path)}, not for {kind}")
    return path, _parsed(path)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelError(f"{path} is not a registry entry: {error}") from error


def _kind(path: Path) -> str:
    kind = _parsed(path).get("kind", SEPARATION)
    if kind not in KINDS:
        raise ModelError(f"{path}: 'kind' must be one of {', '.join(KINDS)}, got {kind!r}")
    return kind


def _common(path: Path, entry: dict[str, Any]) -> dict[str, Any]:
    """What Entry holds."""
    return {
        "name": path.stem,
        "description": _text(path, entry, "description"),
        "file": path.with_name(_text(path, entry, "file")),
        "sha256": _text(path, entry, "sha256"),
        "licence": _text(path, entry, "licence"),
        "card": path.with_suffix(".md"),
    }


def _text(path: Path, entry: dict[str, Any], key: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise ModelError(f"{path}: '{key}' must be a text, got {value!r}")
    return value


def _list(path: Path, entry: dict[str, Any], key: str, kind: type) -> list[Any]:
    value = entry.get(key)
    if not isinstance(value, list) or not all(type(item) is kind for item in value):
        raise ModelError(f"{path}: '{key}' must be a list of {kind.__name__}, got {value!r}")
    return value


def _pair(path: Path, pair: list[Any]) -> tuple[float, float]:
    good = len(pair) == 2 and all(type(item) in (int, float) for item in pair)
    if not good or not (0 <= pair[0] <= 45 and 0 <= pair[1] <= 100):
        raise ModelError(
            f"{path}: 'live_accuracy' must be pairs of 0 to 45 ms and 0 to 100 %, got {pair!r}"
        )
    return float(pair[0]), float(pair[1])
