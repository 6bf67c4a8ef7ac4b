"""Which plugins this system has: looked for in its folders, each looked at in its own process.

`ripieno plugins scan` runs it [main]; `python -m engine.plugins.scan FILE` is the process that
looks at one file. What was found is kept by path, time and size in the cache folder. A plugin that
crashes its process or keeps it too long is put into quarantine, with the reason, until it changes
or is forgotten.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from engine.paths import cache_folder
from engine.plugins.chain import PluginError, PluginSpec

TIME_LIMIT_S = 60.0
VERSION = 1
RATE_HZ = 48000
ENDINGS = (".vst3", ".component") if sys.platform == "darwin" else (".vst3",)


@dataclass(frozen=True)
class Found:
    """What a scan knows of one file: its plugins, or why it is not used."""

    path: str
    mtime_ns: int
    size: int
    plugins: tuple[dict[str, Any], ...] = ()  # name, manufacturer, version, instrument, ...
    quarantine: str = ""  # the reason


def plugin_folders() -> list[Path]:
    """Where this system keeps plugins; VST3_PATH adds more. [any]"""
    home = Path.home()
    more = [Path(p) for p in os.environ.get("VST3_PATH", "").split(os.pathsep) if p]
    if sys.platform == "darwin":
        library = Path("Library/Audio/Plug-Ins")
        usual = [root / library / kind for root in (home, "/") for kind in ("VST3", "Components")]
    elif sys.platform == "win32":
        common = os.environ.get("COMMONPROGRAMFILES", r"C:\Program Files\Common Files")
        local = os.environ.get("LOCALAPPDATA", str(home / "AppData" / "Local"))
        usual = [Path(common) / "VST3", Path(local) / "Programs" / "Common" / "VST3"]
    else:
        usual = [home / ".vst3", Path("/usr/local/lib/vst3"), Path("/usr/lib/vst3")]
    return [*more, *usual]


def find_files(folders: Iterable[Path]) -> list[Path]:
    """Plugin files and bundles in folders and below. [any]"""
    found: set[Path] = set()
    for folder in folders:
        for here, below, files in os.walk(folder):
            for name in [*below, *files]:
                if name.lower().endswith(ENDINGS):
                    found.add(Path(here) / name)
            below[:] = [name for name in below if not name.lower().endswith(ENDINGS)]
    return sorted(found)


def scan(
    folders: Iterable[Path] | None = None,
    say: Callable[[str], None] = lambda sentence: None,
    time_limit_s: float = TIME_LIMIT_S,
) -> list[Found]:
    """Look at every plugin that is new or has changed; return all. Written as it goes. [main]"""
    everything = folders is None
    known = {entry.path: entry for entry in cached()}
    kept = {} if everything else dict(known)
    for path in find_files(plugin_folders() if folders is None else folders):
        mtime_ns, size = stamp(path)
        entry = known.get(str(path))
        if entry is None or (entry.mtime_ns, entry.size) != (mtime_ns, size):
            say(f"Looking at {path}")
            entry = replace(look(path, time_limit_s), mtime_ns=mtime_ns, size=size)
            if entry.quarantine:
                say(f"{path} is put into quarantine: it {entry.quarantine}.")
        kept[entry.path] = entry
        _write({**known, **kept})  # a scan that is ended half way was not for nothing
    _write(kept)
    return sorted(kept.values(), key=lambda entry: entry.path)


def look(path: Path, time_limit_s: float = TIME_LIMIT_S) -> Found:
    """Look at one file in a process of its own, whatever that comes to. [main]"""
    from engine.plugins.host_process import host_environment

    command = [sys.executable, "-m", "engine.plugins.scan", str(path)]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:  # no pipe a child could hold
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.DEVNULL,
            env=host_environment(),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        try:
            code = process.wait(time_limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return Found(str(path), 0, 0, quarantine=f"did not load within {time_limit_s:g} s")
        output.seek(0)
        lines = output.read().splitlines()
    if code < 0:
        return Found(str(path), 0, 0, quarantine=f"crashed while it was loaded (signal {-code})")
    try:
        found = json.loads(lines[-1])
    except (ValueError, IndexError):
        reason = f"ended the process that loaded it (exit code {code})"
        return Found(str(path), 0, 0, quarantine=reason)
    if "error" in found:
        return Found(str(path), 0, 0, quarantine=f"could not be loaded ({found['error']})")
    return Found(str(path), 0, 0, plugins=tuple(found["plugins"]))


def cached() -> list[Found]:
    """What earlier scans found; empty before the first, or if the file is of no use. [any]"""
    try:
        table = json.loads(_cache_file().read_text(encoding="utf-8"))
        if table["version"] != VERSION:
            return []
        return [Found(**{**entry, "plugins": tuple(entry["plugins"])}) for entry in table["files"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def forget(name: str) -> list[str]:
    """Forget what is known of a plugin, a file or "all"; return the paths forgotten. [main]"""
    entries = cached()
    gone = [entry.path for entry in entries if name == "all" or _is(entry, name)]
    if not gone and name != "all":
        raise PluginError(f'no scanned plugin is called "{name}"')
    _write({entry.path: entry for entry in entries if entry.path not in gone})
    return gone


def resolve(spec: PluginSpec) -> PluginSpec:
    """The spec with the path of a plugin given by name; PluginError if it cannot be. [any]"""
    if spec.built_in:
        return spec
    entries = cached()
    path = Path(spec.path).expanduser()
    if not path.suffix.lower().endswith(ENDINGS):
        for entry in entries:
            for plugin in entry.plugins:
                if plugin["name"].casefold() == spec.path.casefold():
                    named = plugin["name"] if len(entry.plugins) > 1 else ""
                    return replace(spec, path=entry.path, name=spec.name or named)
        raise PluginError(
            f'there is no plugin "{spec.path}": `ripieno plugins list` shows what was found, '
            "`ripieno plugins scan` looks again"
        )
    for entry in entries:
        if entry.path == str(path) and entry.quarantine:
            if (entry.mtime_ns, entry.size) != stamp(path):
                break  # it has changed since
            raise PluginError(
                f"{path} is in quarantine: it {entry.quarantine}; "
                f'`ripieno plugins forget "{path}"` lets it try again'
            )
    if not path.exists():
        raise PluginError(f"{path} is not there")
    return replace(spec, path=str(path))


def stamp(path: Path) -> tuple[int, int]:
    """The newest time and the whole size of a file or bundle. [any]"""
    times, size = [0], 0
    files = path.rglob("*") if path.is_dir() else [path]
    for file in files:
        try:
            status = file.stat()
        except OSError:
            continue
        if file.is_file():
            times.append(status.st_mtime_ns)
            size += status.st_size
    return max(times), size


def _is(entry: Found, name: str) -> bool:
    names = [plugin["name"].casefold() for plugin in entry.plugins]
    return name in (entry.path, Path(entry.path).stem) or name.casefold() in names


def _cache_file() -> Path:
    return cache_folder() / "plugins.json"


def _write(entries: dict[str, Found]) -> None:
    path = _cache_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    table = {"version": VERSION, "files": [asdict(entries[key]) for key in sorted(entries)]}
    new.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    new.replace(path)


def main() -> None:
    """Look at the file that is the first argument and print what it holds as JSON."""
    from engine.plugins.loading import LoadedPlugin, names_in

    path = sys.argv[1]
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what plugins print must not meet the answer
    try:
        plugins = []
        for name in names_in(path):
            plugin = LoadedPlugin(path, name, RATE_HZ)
            plugins.append(
                {
                    "name": plugin.name,
                    "manufacturer": plugin.manufacturer,
                    "version": plugin.version,
                    "instrument": plugin.instrument,
                    "latency_frames": plugin.latency_frames,
                    "parameters": [asdict(parameter) for parameter in plugin.parameters()],
                }
            )
        answer: dict[str, Any] = {"plugins": plugins}
    except PluginError as error:
        answer = {"error": str(error)}
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
    os._exit(0)  # leaving in order would call into the plugins once more


if __name__ == "__main__":
    main()
