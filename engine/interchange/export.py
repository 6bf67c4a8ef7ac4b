"""Takes as other programs open them: MIDI, stems, DAWproject, Reaper. [worker]

`ripieno export` and the control call `export_take`. Each kind begins with bar 1, so what is put
side by side fits: a note in the MIDI file starts where it is heard in the stems.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from engine.disk import FAILURES, why
from engine.interchange.dawproject import write_dawproject
from engine.interchange.reaper import write_rpp
from engine.interchange.song import ExportError, Song, song_of_take, stem_names, write_stem
from engine.midi.files import write_midi
from engine.takes import DESCRIPTION, Take, list_takes

LAST = "last"


def find_take(name: str | Path, takes_folder: Path) -> Path:
    """The folder of a take: a path, a name in `takes_folder`, or "last". ExportError if none.

    The last is the one that was finished last, of those that are whole if there is one. [any]
    """
    if str(name) == LAST:
        takes = list_takes(takes_folder)
        if not takes:
            raise ExportError(f"There are no takes in {takes_folder}")
        return max(takes, key=lambda take: (take.complete, _finished_ns(take))).folder
    for folder in (Path(name).expanduser(), takes_folder / name):
        if folder.is_dir():
            return folder
    raise ExportError(f"{name}: no such take, neither here nor in {takes_folder}")


def export_take(take: Path, forms: Sequence[str], folder: Path | None = None) -> Path:
    """Write `take` in each of `forms` into `folder`, by default its own `export`.

    Returns the file, or the folder if there are several. RipienoError in one sentence. [worker]
    """
    for form in forms:
        if form not in FORMS:
            raise ExportError(f"form of export: {form!r} is not one of {', '.join(FORMS)}")
    song = song_of_take(take)
    folder = folder or take / "export"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [FORMS[form](song, folder) for form in dict.fromkeys(forms)]
    except FAILURES as error:
        reason = why(error, folder, 0)
        raise ExportError(f"{folder}: {take.name} cannot be exported there: {reason}") from error
    return written[0] if len(written) == 1 else folder


def _finished_ns(take: Take) -> int:
    """When the description of a take was last written: at its end."""
    try:
        return (take.folder / DESCRIPTION).stat().st_mtime_ns
    except OSError:
        return 0


def _export_midi(song: Song, folder: Path) -> Path:
    return write_midi(
        folder / f"{song.title}.mid",
        song.tracks,
        song.events,
        song.tempo,
        time_signatures=song.time_signatures,
        title=song.title,
        programs=song.programs,
        markers=song.markers,
    )


def _export_stems(song: Song, folder: Path) -> Path:
    stems = folder / "stems"
    stems.mkdir(exist_ok=True)
    for number, name in stem_names(song).items():
        write_stem(song, number, stems / name)
    return stems


def _export_dawproject(song: Song, folder: Path) -> Path:
    path = folder / f"{song.title}.dawproject"
    part = path.with_name(path.name + ".part")
    try:
        write_dawproject(song, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _export_rpp(song: Song, folder: Path) -> Path:
    stems = _export_stems(song, folder)
    return write_rpp(song, folder / f"{song.title}.rpp", stems.name)


FORMS: dict[str, Callable[[Song, Path], Path]] = {
    "midi": _export_midi,
    "stems": _export_stems,
    "dawproject": _export_dawproject,
    "rpp": _export_rpp,
}
