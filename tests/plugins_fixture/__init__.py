"""Plugins of our own for tests and benchmarks, compiled from Debian's dpf-source when first needed.

`TestSynth` is an instrument, `Trouble` an effect that crashes or hangs when told to, `CrashOnLoad`
and `HangOnLoad` end or keep whoever loads them. They lie in build/, by the hash of their sources.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
DPF = Path("/usr/share/dpf/distrho")
DELAY_FRAMES = 100  # of Trouble
PLUGINS = {
    "TestSynth": ("synth", []),
    "Trouble": ("trouble", ['-DPLUGIN_NAME="Trouble"', f"-DDELAY={DELAY_FRAMES}"]),
    "CrashOnLoad": ("trouble", ['-DPLUGIN_NAME="CrashOnLoad"', "-DCRASH_ON_LOAD"]),
    "HangOnLoad": ("trouble", ['-DPLUGIN_NAME="HangOnLoad"', "-DHANG_ON_LOAD"]),
}


def plugins_folder() -> Path:
    """The folder with the plugins' bundles, built if need be (about six seconds)."""
    sources = sorted(path for path in HERE.rglob("*") if path.suffix in (".cpp", ".h", ".py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    folder = HERE.parents[1] / "build" / f"test-plugins-{digest}"
    if folder.is_dir():
        return folder
    if not DPF.is_dir() or shutil.which("g++") is None:
        raise RuntimeError("the test plugins need g++ and Debian's dpf-source (apt-get install)")
    folder.parent.mkdir(exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=folder.parent, prefix="test-plugins-new-"))
    for name, (source, flags) in PLUGINS.items():
        _compile(new, name, source, flags)
    try:
        os.rename(new, folder)
    except OSError:  # another run was faster
        shutil.rmtree(new)
    return folder


def _compile(folder: Path, name: str, source: str, flags: list[str]) -> None:
    binary = folder / f"{name}.vst3" / "Contents" / f"{platform.machine()}-linux" / f"{name}.so"
    binary.parent.mkdir(parents=True)
    general = ["-shared", "-fPIC", "-O2", "-std=c++17", "-fvisibility=hidden"]
    subprocess.run(
        [
            *("g++", *general, "-DDISTRHO_PLUGIN_TARGET_VST3", *flags),
            *(f"-I{HERE / source}", f"-I{DPF}"),
            *(str(HERE / source / f"{source}.cpp"), str(DPF / "DistrhoPluginMain.cpp")),
            *("-o", str(binary)),
        ],
        check=True,
        capture_output=True,
    )
