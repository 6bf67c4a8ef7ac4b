"""What a musician's system has and lacks for playing, and the fix for each lack.

`ripieno doctor` prints it. Each check looks and changes nothing; a check that itself fails is a
finding, never a crash. Required: what `ripieno demo` needs. The rest makes playing live possible
or better. [main]
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import RipienoError

GOOD, ADVICE, MISSING = "ok", "advice", "missing"
LEAST_FREE_BYTES = 1 << 30
LEAST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Finding:
    """One line of the report: `state` is ok, advice or missing (then `fix` says what to do)."""

    what: str
    state: str
    found: str
    fix: str = ""


def examine(on_finding: Callable[[Finding], None] = lambda _: None) -> list[Finding]:
    """Every check in order; each finding also goes to `on_finding` as it is made. [main]"""
    findings = []
    for what, check in CHECKS:
        try:
            finding = check()
        except Exception as error:
            text = " ".join(str(error).split()) or type(error).__name__
            finding = Finding(what, MISSING, text, "run `ripieno doctor --verbose` and report this")
        findings.append(finding)
        on_finding(finding)
    return findings


def healthy(findings: list[Finding]) -> bool:
    """True if nothing required is missing. [any]"""
    return all(finding.state != MISSING for finding in findings)


def package(debian: str, mac: str, windows: str) -> str:
    """How to install a library on this system. [any]"""
    if sys.platform == "darwin":
        return f"brew install {mac}"
    if sys.platform == "win32":
        return windows
    return f"install it (Debian, Ubuntu: sudo apt-get install {debian})"


def check_python() -> Finding:
    found = sys.version.split()[0]
    if sys.version_info < LEAST_PYTHON:
        return Finding("Python", MISSING, found, "install Python 3.11 or newer")
    return Finding("Python", GOOD, found)


def check_compiler() -> Finding:
    import numba

    from engine.compiling import machine_code_folder

    folder = machine_code_folder()
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    if not _writable(existing):
        fix = f"make {existing} writable, or set NUMBA_CACHE_DIR to a folder that is"
        return Finding("Compiler", ADVICE, f"every start compiles anew: {existing}", fix)
    found = f"numba {numba.__version__}, machine code in {folder}"
    if not folder.exists():
        return Finding(
            "Compiler", ADVICE, found, "the first start compiles it: once, about a minute"
        )
    return Finding("Compiler", GOOD, found)


def check_fluidsynth() -> Finding:
    from engine.fluidsynth import load_library

    try:
        version = load_library().fluid_version_str().decode()
    except RipienoError as error:
        fix = package("libfluidsynth3", "fluid-synth", "put libfluidsynth-3.dll on the PATH")
        return Finding("FluidSynth", MISSING, str(error), fix)
    return Finding("FluidSynth", GOOD, f"version {version}")


def check_soundfont() -> Finding:
    from engine.soundfonts import bundled_soundfont, find_soundfont

    try:
        path = find_soundfont()
    except RipienoError as error:
        return Finding(
            "SoundFont", MISSING, str(error), "pip install pretty_midi brings a small one"
        )
    megabytes = path.stat().st_size / 1e6
    found = f"{path} ({megabytes:.0f} MB)"
    if path == bundled_soundfont():
        fix = "a larger one sounds better: " + package(
            "musescore-general-soundfont-small",
            "--cask musescore",
            "install MuseScore; its SoundFont is found by itself",
        )
        return Finding("SoundFont", ADVICE, found, fix)
    return Finding("SoundFont", GOOD, found)


def check_weights() -> Finding:
    from engine.ensembles import list_ensembles
    from models import registry

    separating = sorted({ensemble.model for ensemble in list_ensembles()})
    names = [*separating, *(entry.name for entry in registry.list_continuations())]
    for name in names:
        try:
            if name in separating:
                registry.load(name)
            else:
                registry.content(registry.find_continuation(name))
        except Exception as error:
            fix = "install the program again: the file must be as it was shipped"
            return Finding("Weights", MISSING, f"{name}: {error}", fix)
    return Finding("Weights", GOOD, f"{', '.join(names)}: sha256 as registered")


def check_ensembles() -> Finding:
    from engine.ensembles import list_ensembles

    found = [ensemble.id for ensemble in list_ensembles()]
    return Finding("Ensembles", GOOD, ", ".join(found))


def check_jack() -> Finding:
    from engine import jack, libjack

    try:
        libjack.load_libjack()
    except RipienoError as error:
        fix = package("jackd2", "jack", "install JACK2 from jackaudio.org") + "; not needed to play"
        return Finding("JACK", ADVICE, str(error), fix)
    if jack.jack_running():
        return Finding("JACK", GOOD, "a server runs")
    fix = "start it for the lowest delay (qjackctl, or jackd -R -d alsa -p 128)"
    return Finding("JACK", ADVICE, "the library is there, no server runs", fix)


def check_sound_card() -> Finding:
    from engine import portaudio

    try:
        outputs = portaudio.list_devices()
    except RipienoError as error:
        fix = package("libportaudio2", "portaudio", "pip install --force-reinstall sounddevice")
        return Finding("Sound card", ADVICE, str(error), fix)
    if not outputs:
        fix = "plug one in or start the sound server; until then `ripieno demo` writes files"
        return Finding("Sound card", ADVICE, "no output device", fix)
    default = next((d for d in outputs if d.default), outputs[0])
    return Finding(
        "Sound card", GOOD, f"{default.name} ({default.host_api}), {len(outputs)} in all"
    )


def check_keyboard() -> Finding:
    from engine.midi import ports

    names = ports.input_names()
    if names:
        return Finding("Keyboard", GOOD, ", ".join(names))
    fix = "plug in a MIDI keyboard, or play on the computer's (ripieno play) or --from FILE.mid"
    if sys.platform.startswith("linux") and not Path("/dev/snd/seq").exists():
        fix += "; the ALSA sequencer is missing (sudo modprobe snd-seq)"
    return Finding("Keyboard", ADVICE, "no MIDI input", fix)


def check_daw() -> Finding:
    from engine import jack, loopback

    if sys.platform not in loopback.MIDI_ADVICE:
        if jack.jack_running():
            return Finding("DAW", GOOD, "master, stems and parts have JACK ports")
        fix = "run a JACK server, or PipeWire's (pw-jack ripieno play); see engine/DAW.md"
        return Finding("DAW", ADVICE, "no JACK server to connect a DAW through", fix)
    ways = loopback.look()
    found = ", ".join([*ways.midi, *ways.audio]) or "no way into one"
    missing = loopback.advice(ways)
    if missing:
        return Finding("DAW", ADVICE, found, f"{missing}; see engine/DAW.md")
    return Finding("DAW", GOOD, found)


def check_limits() -> Finding:
    from engine import realtime

    refused = realtime.limits()
    if refused:
        return Finding("Realtime", ADVICE, refused[0].partition(":")[0], realtime.FIX)
    return Finding("Realtime", GOOD, "priority and memory locking are allowed")


def check_governor() -> Finding:
    path = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if not path.exists():
        return Finding("Processor", GOOD, "sets its own speed")
    governor = path.read_text().strip()
    if governor == "powersave":
        fix = "sudo cpupower frequency-set -g performance, if there are xruns"
        return Finding("Processor", ADVICE, "the governor is powersave", fix)
    return Finding("Processor", GOOD, f"the governor is {governor}")


def check_takes() -> Finding:
    from engine.paths import takes_folder

    folder = takes_folder()
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    if not _writable(existing):
        fix = f"make {existing} writable, or record elsewhere: ripieno play --takes FOLDER"
        return Finding("Takes", ADVICE, f"{folder} cannot be written", fix)
    free_bytes = shutil.disk_usage(existing).free
    found = f"{folder}, {free_bytes / 1e9:.0f} GB free"
    if free_bytes < LEAST_FREE_BYTES:
        return Finding("Takes", ADVICE, found, "make room: a minute with stems takes about 90 MB")
    return Finding("Takes", GOOD, found)


def _writable(folder: Path) -> bool:
    import os

    return os.access(folder, os.W_OK)


CHECKS: tuple[tuple[str, Callable[[], Finding]], ...] = (
    ("Python", check_python),
    ("Compiler", check_compiler),
    ("FluidSynth", check_fluidsynth),
    ("SoundFont", check_soundfont),
    ("Weights", check_weights),
    ("Ensembles", check_ensembles),
    ("JACK", check_jack),
    ("Sound card", check_sound_card),
    ("Keyboard", check_keyboard),
    ("DAW", check_daw),
    ("Realtime", check_limits),
    ("Processor", check_governor),
    ("Takes", check_takes),
)
