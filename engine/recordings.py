"""What a session records: every take as it happens, or only what is asked for afterwards. [main]

Nothing of it waits for the disk but `list` and `export`, which remotes have done on a thread of
their own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import RipienoError
from engine.rt.layout import MAX_PARTS
from engine.settings import Settings

if TYPE_CHECKING:
    from engine.ensembles import Ensemble
    from engine.recorder import Recorder


class Recordings:
    """The recorder of a session, if it has one, and the folder of its takes."""

    def __init__(
        self,
        settings: Settings,
        engine: Any,
        on_audio: Callable[[np.ndarray], None] | None,
        say: Callable[[str], None],
    ) -> None:
        from engine.paths import takes_folder

        self.folder = settings.takes_folder or takes_folder()
        self.recorder: Recorder | None = None
        self._on = settings.record
        self._wanted = settings.record or settings.rolling
        self._engine = engine
        self._on_audio = on_audio
        self._say = say
        self._audio_frame = 0
        self._lost_frames = 0

    def start(self, ensemble: Ensemble) -> None:
        """Finish what earlier sessions left, and listen from now on, if that is wanted. [main]"""
        from engine.keeping import new_rolling_folder
        from engine.recorder import Recorder
        from engine.takes import recover_takes

        if not self._wanted:
            return
        recover_takes(self.folder, self._say)
        self.recorder = Recorder(
            self.folder if self._on else new_rolling_folder(),
            ensemble,
            self._engine.rate_hz,
            tempo_bpm=self._engine.get("tempo_bpm"),
            on_message=self._say,
            keep_folder=None if self._on else self.folder,
            delays=lambda: stem_delays(self._engine),
        )

    def carry(self, results: np.ndarray) -> None:
        """Hand on what was rendered and reported since the last call. Called by the pump. [main]"""
        if self.recorder is None and self._on_audio is None:
            return
        audio = self._engine.tap()
        if self.recorder is not None:
            self.recorder.events(results)
            self.recorder.audio(audio, self._audio_frame)
        if self._on_audio:
            self._on_audio(audio)
        self._audio_frame += len(audio)
        lost_frames = self._engine.stats().underruns
        if lost_frames > self._lost_frames:  # the ring was full: they are missing after this
            self._audio_frame += lost_frames - self._lost_frames
        self._lost_frames = lost_frames

    def ensemble_changed(self, ensemble: Ensemble) -> None:
        """Parts have other names and instruments from now on. [any]"""
        if self.recorder is not None:
            self.recorder.ensemble_changed(ensemble, self._engine.frame)

    def state(self) -> dict[str, Any]:
        """What is being recorded; `folder` is the newest take's, "" before the first. [any]"""
        recorder, on = self.recorder, self._on
        if recorder is None:
            return {"on": False, "recording": False, "folder": "", "seconds": 0.0, "kept": ""}
        return {
            "on": on,
            "recording": on and recorder.recording,
            "folder": str(recorder.take_folder or "") if on else "",
            "seconds": round(recorder.take_seconds, 2) if on else 0.0,
            "kept": str(recorder.kept_folder or ""),
        }

    @property
    def finished(self) -> int:
        """How many takes have become whole on the disk. [any]"""
        return self.recorder.finished if self.recorder is not None else 0

    def keep(self, seconds: float | None = None) -> Path:
        """Make a take of what was just played: its folder, which fills by and by. [any]

        `seconds` back from now, ten minutes at most and for None.
        """
        if self.recorder is None:
            raise RipienoError("Nothing can be kept: this session does not listen to itself")
        return self.recorder.keep() if seconds is None else self.recorder.keep(seconds)

    def list(self) -> list[dict[str, Any]]:
        """The takes there are, newest first, ready for JSON. [worker]"""
        from engine.takes import list_takes

        return [
            {
                "folder": str(take.folder),
                "started": take.started,
                "seconds": round(take.seconds, 2),
                "notes": take.notes,
                "ensemble": take.ensemble,
                "complete": take.complete,
            }
            for take in list_takes(self.folder)
        ]

    def export(self, take: str, form: str, folder: Path | None = None) -> Path:
        """Write a take for another program, see `engine.interchange`; may take seconds. [worker]"""
        from engine.interchange.export import export_take, find_take

        return export_take(find_take(take, self.folder), [form], folder)

    def close(self) -> None:
        """End the take and write everything out. Idempotent. [main]"""
        if self.recorder is not None:
            self.recorder.close()


def stem_delays(engine: Any) -> list[int]:
    """By how many frames the sound of the master and of each part lags behind the notes. [any]"""
    rows = {row.path: row for row in engine.latencies()}
    parts = [rows.get(f"part {number + 1}") for number in range(MAX_PARTS)]
    stems = [row.stem_frames - row.source_frames if row else 0 for row in parts]
    return [max(stems) + rows["master"].stem_frames, *stems]
