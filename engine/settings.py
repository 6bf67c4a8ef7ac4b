"""What a session is started with. [main]"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.errors import RipienoError

NO_INPUT = "none"
DEFAULT_ENSEMBLE = "string_quartet"


@dataclass(frozen=True)
class Settings:
    """What a session is started with. None means: whatever is usual there."""

    ensemble: str | Path | None = None  # None: the rig's, else the string quartet
    sound: str | None = None  # the morph sound every part begins with; "morph": each its own
    rig: str | Path | None = None
    setlist: str | Path | None = None
    resume: bool = False  # as it was left, instead of a rig
    output: str = "auto"  # or jack, none, a sound card's name
    input_port: str | None = None  # None: every keyboard; "none": no input
    rate_hz: int | None = None
    block_frames: int | None = None
    output_channels: int | None = None  # of a sound card: 2, more for stems, 0 for all it has
    input_channels: int = 0  # of the same sound card, two for each return into the mixer
    chord_window_ms: float | None = None
    settle: bool = False  # sound at once and move when the chord is complete
    soundfont: Path | None = None
    osc_port: int | None = None  # None: no remote control
    osc_host: str = "127.0.0.1"
    record: bool = False
    rolling: bool = False  # without recording, have the last minutes at hand for `keep`
    takes_folder: Path | None = None
    midi_out: str | None = None  # "channels", "ports" or a port's name; None: JACK's own alone
    midi_only: bool = False  # no part sounds here, all of them go out
    clock_out: bool = False
    sync_source: str = "internal"  # of engine.parameters.SYNC_SOURCES
    jack_master: bool = False
    continuation: str | None = None  # how the ensemble plays on; None: as the rig says
    remember: bool = False  # keep the last state for `ripieno play --resume`

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("rate in Hz", self.rate_hz, 8000, 192000),
            ("block in frames", self.block_frames, 16, 8192),
            ("chord window in ms", self.chord_window_ms, 0, 45),
        ):
            if value is not None and not low <= value <= high:
                raise RipienoError(f"{name}: {value:g} is outside {low} .. {high}")
