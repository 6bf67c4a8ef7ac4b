"""Missed cycles and time of the audio callback while a thread of its process hogs the interpreter.

At blocks of 32, 64, 128 and 256 frames, 48 kHz, on a jackd of its own (dummy driver, -S):
- ours: the engine with 64 voices of its own and every stem, in a process whose interpreter's lock
  another thread wants all the time; and, taking turns with it a quarter of a second each in the
  same client, a trivial native callback that only zeroes its outputs: the noise floor;
- Python: ordinary callbacks through JACK-Client and sounddevice that fill two channels by numpy, in
  such a process too;
- FluidSynth's own JACK client with 64 notes held, beside a trivial native client that counts the
  cycles it makes the server miss (its own laps cannot be timed from outside; its audio threads'
  processor time is given as the mean).

One native stopwatch measures them all. Missed: cycles the server skipped, or that ended late.
"""

import contextlib
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np

from engine.ensembles import Ensemble, Part
from engine.jack import JackDevice
from engine.libjack import load_libjack
from engine.soundfonts import find_soundfont
from tests.bench.processes import call, hog_interpreter
from tests.bench.report import arguments, report
from tests.bench.stopwatch import Nothing, Stopwatch, Watched, watch_jack, watch_portaudio
from tests.servers import JackServer, jack_server

RATE_HZ = 48000
SECONDS = {32: 16.0, 64: 16.0, 128: 16.0, 256: 24.0}  # the engine and the floor share them
OTHERS_SECONDS = 4.0
SLICE_SECONDS = 0.25
VOICES = 64
SETTLE_SECONDS = 1.0
ALLOWED_POINTS = 0.1
ORGAN = 19
ALL = ("soprano", "alto", "tenor", "bass")


def main() -> None:
    options = arguments(__doc__)
    rows = [row for block_frames in SECONDS for row in measure(block_frames)]
    reach = {}
    for block_frames in SECONDS:
        missed = {row["who"]: row["missed_%"] for row in rows if row["block"] == block_frames}
        value = missed["ours, 64 voices"] - missed["noise floor"]
        reach[f"block {block_frames}: points missed above the noise floor"] = (
            value,
            f"<= {ALLOWED_POINTS}",
            value <= ALLOWED_POINTS,
        )
    report("callback", rows, reach, options.json)


def measure(block_frames: int) -> list[dict[str, Any]]:
    """Rows of one block size, on one server."""
    seconds = SECONDS[block_frames]
    with jack_server(block_frames, RATE_HZ) as server:
        ours = call(run_engine, server.env, block_frames=block_frames, seconds=seconds)
        python = [
            (name, call(function, server.env, block_frames=block_frames, seconds=OTHERS_SECONDS))
            for name, function in (
                ("Python, JACK-Client", run_jack_client),
                ("Python, sounddevice", run_sounddevice),
            )
        ]
        fluid = run_fluidsynth(server, block_frames, OTHERS_SECONDS)
    return [
        row(block_frames, "noise floor", ours["floor"]),
        row(block_frames, "ours, 64 voices", ours["engine"]),
        *(row(block_frames, name, figures) for name, figures in python),
        row(block_frames, "FluidSynth's client", fluid),
    ]


def row(block_frames: int, who: str, figures: dict[str, Any]) -> dict[str, Any]:
    """Figures in % of cycles and of the block."""
    percent = 100.0 * RATE_HZ / block_frames * 1e-9
    p50, p99, p999, longest = (percent * ns for ns in figures.get("took_ns") or [np.nan] * 4)
    measured = {"p50_%": p50, "p99_%": p99, "p99.9_%": p999, "max_%": longest}
    if np.isnan(p50):
        measured = dict.fromkeys(measured, "")
    return {
        "block": block_frames,
        "who": who,
        "cycles": figures["cycles"],
        "missed": figures["missed"],
        "missed_%": 100.0 * figures["missed"] / figures["cycles"],
        "mean_%": percent * figures["mean_ns"],
        **measured,
    }


def run_engine(block_frames: int, seconds: float) -> dict[str, Any]:
    """The engine and the noise floor, in turns, in this process, its interpreter hogged."""
    from engine.core import Engine

    device = JackDevice("bench-engine")
    engine = Engine(device.rate_hz)
    part = Part("Organ", ORGAN, sound="bank", low=48, high=60, polyphony=VOICES, voices=ALL)
    engine.apply(Ensemble(id="organ", name="Organ", parts=(part,), assigner="zones"))
    slice_cycles = round(SLICE_SECONDS * device.rate_hz / block_frames)
    watched = Watched(engine, slice_cycles)
    device.start(watched)
    for pitch in range(20, 20 + VOICES):
        engine.part_midi(0, bytes([0x90, pitch, 80]))
    rest = hog_interpreter()
    time.sleep(SETTLE_SECONDS)
    watch = watched.watch
    begin = watch.cycles
    time.sleep(seconds)
    figures = {
        "engine": watch.figures(block_frames, device.rate_hz, True, begin),
        "floor": watch.figures(block_frames, device.rate_hz, False, begin),
    }
    rest.set()
    voices = engine.stats().voices
    device.close()
    engine.close()
    if voices != VOICES:
        raise RuntimeError(f"{VOICES} voices were to sound, {voices} did")
    return figures


def run_jack_client(block_frames: int, seconds: float) -> dict[str, Any]:
    """An ordinary callback of JACK-Client's in this process, its interpreter hogged."""
    import jack

    ffi: Any = vars(jack)["_ffi"]
    client: Any = jack.Client("bench-python", no_start_server=True)
    outputs: list[Any] = [client.outports.register(f"out_{side}") for side in "lr"]
    tone = _tone(block_frames)

    @client.set_process_callback
    def process(frames: int) -> None:
        for output in outputs:
            output.get_array()[:] = tone

    pointer = int(ffi.cast("uintptr_t", client._ptr))
    watch = Stopwatch(pointer)
    watch.record["inner"] = int(ffi.cast("uintptr_t", client._keepalive[-1]))
    load_libjack().jack_set_process_callback(pointer, watch_jack.address, watch.user_data)
    client.activate()
    figures = _under_stress(watch, block_frames, seconds)
    client.deactivate()
    client.close()
    return figures


def run_sounddevice(block_frames: int, seconds: float) -> dict[str, Any]:
    """An ordinary callback of sounddevice's in this process, its interpreter hogged."""
    import sounddevice

    real: Any = sounddevice._lib
    ffi: Any = sounddevice._ffi

    class Library:
        """sounddevice's library, but streams get the stopwatch around their callback."""

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def Pa_OpenStream(self, *arguments: Any) -> int:
            *first, callback, _ = arguments
            watch.record["inner"] = int(ffi.cast("uintptr_t", callback))
            wrapped = ffi.cast("PaStreamCallback*", watch_portaudio.address)
            return real.Pa_OpenStream(*first, wrapped, ffi.cast("void*", watch.user_data))

    observer = JackDevice("bench-observer")  # never activated: only to ask which cycle it is
    watch = Stopwatch(observer._client or 0)
    tone = _tone(block_frames)

    def process(output: np.ndarray, frames: int, times: Any, status: Any) -> None:
        output[:] = tone[:, None]

    sounddevice._lib = Library()
    stream = sounddevice.OutputStream(
        samplerate=RATE_HZ, blocksize=block_frames, channels=2, dtype="float32", callback=process
    )
    stream.start()
    figures = _under_stress(watch, block_frames, seconds)
    stream.close()
    observer.close()
    return figures


def run_fluidsynth(server: JackServer, block_frames: int, seconds: float) -> dict[str, Any]:
    """FluidSynth's own JACK client, the cycles it makes the server miss, its processor time."""
    with fluidsynth(server) as process:
        counted = call(run_floor, server.env, block_frames=block_frames, seconds=seconds)
        spent_ns, begun = _audio_threads_ns(process.pid), time.monotonic_ns()
        time.sleep(1.0)
        share = (_audio_threads_ns(process.pid) - spent_ns) / (time.monotonic_ns() - begun)
    counted["mean_ns"] = share * block_frames / RATE_HZ * 1e9
    del counted["took_ns"]
    return counted


@contextlib.contextmanager
def fluidsynth(server: JackServer) -> Any:
    """FluidSynth playing 64 notes on JACK."""
    font = find_soundfont()
    options = ["-n", "-q", "-a", "jack", "-r", str(RATE_HZ), "-j", "-g", "0.1"]
    with subprocess.Popen(
        ["fluidsynth", *options, "-o", "audio.jack.id=bench-fluid", str(font)],
        env=server.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        server.wait_for("bench-fluid:left")
        commands = [f"prog {channel} {ORGAN}" for channel in range(4)]
        commands += [f"noteon {i % 4} {40 + i // 4} 80" for i in range(VOICES)]
        process.stdin.write("\n".join([*commands, ""]))
        process.stdin.flush()
        time.sleep(SETTLE_SECONDS)
        try:
            yield process
        finally:
            process.stdin.write("quit\n")
            process.stdin.close()
            process.wait(10)


def run_floor(block_frames: int, seconds: float) -> dict[str, Any]:
    """A trivial native client alone: what it counts comes from the server and the others."""
    device = JackDevice("bench-floor")
    watched = Watched(Nothing(), 0)
    device.start(watched, connect_outputs=False)
    time.sleep(SETTLE_SECONDS)
    begin = watched.watch.cycles
    time.sleep(seconds)
    figures = watched.watch.figures(block_frames, device.rate_hz, False, begin)
    device.close()
    return figures


def _under_stress(watch: Stopwatch, block_frames: int, seconds: float) -> dict[str, Any]:
    rest = hog_interpreter()
    time.sleep(SETTLE_SECONDS)
    begin = watch.cycles
    time.sleep(seconds)
    rest.set()
    return watch.figures(block_frames, RATE_HZ, True, begin)


def _tone(frames: int) -> np.ndarray:
    return (0.1 * np.sin(2.0 * np.pi * np.arange(frames) / frames)).astype(np.float32)


def _audio_threads_ns(pid: int) -> int:
    """Processor time of a process's threads under FIFO priority."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        policy = int((task / "stat").read_text().rpartition(")")[2].split()[38])
        if policy == 1:
            total += int((task / "schedstat").read_text().split()[0])
    return total


if __name__ == "__main__":
    main()
