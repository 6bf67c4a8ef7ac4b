"""Time from `ripieno play` to the first sound, cold and warm.

A jackd of its own (dummy driver) and a MIDI file that begins with a note. Cold: empty caches of
compiled code and sounds, as after installing. Warm: the same once more, the best of several. The
sound is heard by an independent JACK client that connects as soon as the ports appear. Beside it:
the time the Python interpreter takes to import numba, which bounds any such program.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jack
import mido
import numpy as np

from tests.bench.report import arguments, report
from tests.servers import JackServer, jack_server

BLOCK_FRAMES = 128
WARM_RUNS = 5
WARM_BAR_S = 1.5
LONGEST_S = 300.0


def main() -> None:
    options = arguments(__doc__)
    with tempfile.TemporaryDirectory() as folder, jack_server(BLOCK_FRAMES) as server:
        cold_s, *warm_s = (run(server, Path(folder)) for _ in range(1 + WARM_RUNS))
        numba_s = [import_numba() for _ in range(WARM_RUNS)]
    rows: list[dict[str, Any]] = [
        {"start": "cold", "runs": 1, "best_s": cold_s, "worst_s": cold_s},
        {"start": "warm", "runs": WARM_RUNS, "best_s": min(warm_s), "worst_s": max(warm_s)},
        {
            "start": "Python importing numba alone",
            "runs": WARM_RUNS,
            "best_s": min(numba_s),
            "worst_s": max(numba_s),
        },
    ]
    median_s = float(np.median(warm_s))
    reach = {
        "warm start to first sound, median, s": (
            median_s,
            f"<= {WARM_BAR_S}",
            median_s <= WARM_BAR_S,
        )
    }
    report("startup", rows, reach, options.json)


def run(server: JackServer, folder: Path) -> float:
    """Seconds from starting the program to its first sound."""
    piece = folder / "note.mid"
    write_note(piece)
    env = {
        **server.env,
        "NUMBA_CACHE_DIR": str(folder / "compiled"),
        "RIPIENO_HOME": str(folder / "home"),
    }
    command = [sys.executable, "-m", "engine.cli", "play", "--out", "jack", "--in", "none"]
    options = ["--from", str(piece), "--osc-port", "0", "--takes", str(folder / "takes")]
    with Listener() as listener:
        begun_s = time.monotonic()
        with subprocess.Popen(
            [*command, *options],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                heard_s = listener.wait(process)
            finally:
                process.terminate()
    return heard_s - begun_s


class Listener:
    """A JACK client that notes when the first sound of ripieno's master comes."""

    def __enter__(self) -> "Listener":
        self._client: Any = jack.Client("bench-listener", no_start_server=True)
        self._input: Any = self._client.inports.register("in")
        self._heard_s = 0.0
        self._client.set_process_callback(self._listen)
        self._client.activate()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.deactivate()
        self._client.close()

    def wait(self, process: subprocess.Popen[str]) -> float:
        """When the sound came; RuntimeError if the program ends or takes too long."""
        deadline = time.monotonic() + LONGEST_S
        connected = False
        while not self._heard_s:
            if process.poll() is not None or time.monotonic() > deadline:
                error = process.stderr.read() if process.stderr else ""
                raise RuntimeError(f"ripieno play made no sound: {error}")
            if not connected:
                connected = self._connect()
            time.sleep(0.002)
        return self._heard_s

    def _connect(self) -> bool:
        try:
            self._client.connect("ripieno:master_left", self._input)
        except jack.JackErrorCode:
            return False
        return True

    def _listen(self, frames: int) -> None:
        if not self._heard_s and np.any(self._input.get_array()):
            self._heard_s = time.monotonic()


def import_numba() -> float:
    """Seconds for a Python that imports numba and ends."""
    begun_s = time.monotonic()
    subprocess.run([sys.executable, "-c", "import numba"], check=True)
    return time.monotonic() - begun_s


def write_note(path: Path) -> None:
    """A file of one long note, struck at once."""
    track = mido.MidiTrack(
        [
            mido.Message("note_on", note=60, velocity=100),
            mido.Message("note_off", note=60, time=480 * 20),
        ]
    )
    mido.MidiFile(tracks=[track]).save(path)


if __name__ == "__main__":
    main()
