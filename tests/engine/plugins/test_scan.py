"""The scan: what it finds, keeps and puts into quarantine; the command that shows it."""

import json
import os
from pathlib import Path

import pytest

from engine.cli import main
from engine.plugins import scan
from engine.plugins.chain import PluginError, PluginSpec
from tests.plugins_fixture import DELAY_FRAMES


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIPIENO_HOME", str(tmp_path / "home"))


@pytest.fixture
def folder(tmp_path: Path, our_plugins: Path) -> Path:
    """Links to some of our plugins, which a test may add to."""
    folder = tmp_path / "plugins"
    (folder / "deeper").mkdir(parents=True)
    for name in ("TestSynth", "Trouble"):
        (folder / "deeper" / f"{name}.vst3").symlink_to(our_plugins / f"{name}.vst3")
    return folder


def test_a_scan_tells_what_there_is(folder: Path) -> None:
    synth, trouble = (entry.plugins[0] for entry in scan.scan([folder]))
    assert (synth["name"], synth["instrument"]) == ("TestSynth", True)
    assert (trouble["name"], trouble["latency_frames"]) == ("Trouble", DELAY_FRAMES)
    assert [p["name"] for p in trouble["parameters"]] == ["Gain", "Crash", "Spin"]
    assert trouble["manufacturer"] == "Ripieno"


def test_a_file_is_looked_at_once_until_it_changes(folder: Path, monkeypatch) -> None:
    first = scan.scan([folder])
    looked: list[Path] = []
    real = scan.look
    monkeypatch.setattr(scan, "look", lambda path, limit: (looked.append(path), real(path))[1])
    assert scan.scan([folder]) == first
    assert looked == []
    gone = folder / "deeper" / "Trouble.vst3"
    target = gone.resolve()
    gone.unlink()
    copy = gone / "Contents" / "x86_64-linux"
    copy.mkdir(parents=True)
    binary = next(target.rglob("*.so"))
    (copy / binary.name).write_bytes(binary.read_bytes())
    scan.scan([folder])
    assert looked == [gone]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("CrashOnLoad", "crashed while it was loaded (signal 6)"),
        ("HangOnLoad", "did not load within 2 s"),
    ],
)
def test_a_plugin_that_takes_the_scanner_with_it_is_put_into_quarantine(
    folder: Path, our_plugins: Path, name: str, reason: str
) -> None:
    (folder / f"{name}.vst3").symlink_to(our_plugins / f"{name}.vst3")
    said: list[str] = []
    entries = scan.scan([folder], said.append, time_limit_s=2.0)
    bad = next(entry for entry in entries if name in entry.path)
    assert bad.quarantine == reason
    assert bad.plugins == ()
    assert len([entry for entry in entries if entry.plugins]) == 2, "the others are found"
    assert said[-1] == f"{bad.path} is put into quarantine: it {reason}." or len(said) == 4
    with pytest.raises(PluginError, match="is in quarantine: it "):
        scan.resolve(PluginSpec(bad.path))
    assert scan.forget(bad.path) == [bad.path]
    assert scan.resolve(PluginSpec(bad.path)).path == bad.path


def test_a_file_that_is_no_plugin_is_put_into_quarantine(folder: Path) -> None:
    (folder / "Not.vst3").write_text("no plugin")
    bad = next(entry for entry in scan.scan([folder]) if "Not" in entry.path)
    assert bad.quarantine.startswith("could not be loaded (")


def test_plugins_are_found_by_name(folder: Path) -> None:
    scan.scan([folder])
    spec = scan.resolve(PluginSpec("testsynth", parameters={"Gain": 0.1}))
    assert spec.path == str(folder / "deeper" / "TestSynth.vst3")
    assert spec.parameters == {"Gain": 0.1}
    built_in = PluginSpec("pedalboard:Reverb")
    assert scan.resolve(built_in) is built_in
    with pytest.raises(PluginError, match='there is no plugin "Nothing"'):
        scan.resolve(PluginSpec("Nothing"))
    with pytest.raises(PluginError, match=r"/no/where.vst3 is not there"):
        scan.resolve(PluginSpec("/no/where.vst3"))


def test_a_broken_cache_is_no_cache(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "home" / "cache" / "plugins.json"
    cache.parent.mkdir(parents=True)
    for text in ("", "[]", '{"version": 99, "files": []}', '{"version": 1, "files": [{}]}'):
        cache.write_text(text)
        assert scan.cached() == []
    scan.scan([folder])
    assert len(scan.cached()) == 2
    assert os.listdir(cache.parent) == ["plugins.json"]


def test_the_usual_folders(monkeypatch) -> None:
    monkeypatch.setenv("VST3_PATH", "/extra/one:/extra/two")
    folders = [str(folder) for folder in scan.plugin_folders()]
    assert folders[:2] == ["/extra/one", "/extra/two"]
    assert "/usr/lib/vst3" in folders


def test_the_command(folder: Path, our_plugins: Path, capsys, monkeypatch) -> None:
    (folder / "CrashOnLoad.vst3").symlink_to(our_plugins / "CrashOnLoad.vst3")
    assert main(["plugins", "list"]) == 0
    assert "`ripieno plugins scan` looks for them" in capsys.readouterr().out
    assert main(["plugins", "scan", str(folder)]) == 0
    said = capsys.readouterr().out
    assert said.index("Instruments") < said.index("TestSynth  ") < said.index("Effects")
    assert "CrashOnLoad.vst3: it crashed while it was loaded (signal 6)" in said
    assert main(["plugins", "show", "trouble"]) == 0
    said = capsys.readouterr().out
    assert "Trouble 1.0.0, Ripieno: effect" in said
    assert f"{DELAY_FRAMES} frames late" in said
    assert "Crash" in said
    assert main(["plugins", "list", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 3
    assert main(["plugins", "forget", "Trouble"]) == 0
    assert "Forgotten:" in capsys.readouterr().out
    assert main(["plugins", "show", "Trouble"]) == 1
    assert 'no scanned plugin is called "Trouble"' in capsys.readouterr().err
    assert main(["plugins", "forget"]) == 1
    assert "give the name of a plugin" in capsys.readouterr().err
    assert main(["plugins", "scan", "/no/folder"]) == 1
    assert "/no/folder is not a folder" in capsys.readouterr().err
    assert main(["plugins", "forget", "all"]) == 0
    assert scan.cached() == []
