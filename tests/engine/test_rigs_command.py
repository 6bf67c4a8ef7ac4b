"""`ripieno rigs`, and what `ripieno play` makes of rigs, set lists and a host for OSC."""

import json

import pytest

from engine import cli, report
from engine.address_row import EXPORT_FORMS
from engine.interchange.export import FORMS
from engine.paths import config_folder
from engine.session import Session, Settings
from engine.soundfonts import bundled_soundfont

QUIET = {"output": "none", "input_port": "none", "soundfont": bundled_soundfont()}


def test_rigs_and_set_lists_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rigs"]) == 0
    printed = capsys.readouterr().out
    assert "cathedral_choir" in printed
    assert "concert" in printed
    assert str(config_folder() / "rigs") in printed


def test_a_rig_is_shown_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rigs", "faders"]) == 0
    assert "[[learned]]" in capsys.readouterr().out
    assert cli.main(["rigs", "nothing"]) == 1
    assert 'there is no rig "nothing"; there are: ' in capsys.readouterr().err


def test_they_are_json_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rigs", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "night_band" in [rig["id"] for rig in found["rigs"]]
    assert found["setlists"][0]["rigs"][0] == "chamber_quartet"


def test_a_broken_one_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    path = config_folder() / "rigs" / "broken.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("format = 1\n")
    assert cli.main(["rigs"]) == 0
    assert f"Note: {path}: " in capsys.readouterr().out
    path.unlink()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--rig", "nothing"], 'there is no rig "nothing"'),
        (["--setlist", "nothing"], 'there is no set list "nothing"'),
        (["--setlist", "concert", "--ensemble", "pop_band"], "--setlist brings its own rigs"),
        (["--setlist", "concert", "--resume"], "--setlist brings its own rigs"),
        (["--resume"], "there is nothing to resume"),
        (["--osc-host", "no.such.host.invalid"], "is no address of this machine"),
    ],
)
def test_what_play_cannot_do_is_one_sentence(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = ["play", "--out", "none", "--in", "none", "--osc-port", "0", "--no-record"]
    assert cli.main([*usual, *arguments]) == 1
    printed = capsys.readouterr().err.strip().splitlines()[-1]
    assert says in printed


def test_play_takes_a_rig(capsys: pytest.CaptureFixture[str]) -> None:
    usual = ["play", "--out", "none", "--in", "none", "--osc-port", "0", "--no-record"]
    assert cli.main([*usual, "--rig", "brass_fanfare", "--duration", "0.2"]) == 0
    printed = capsys.readouterr().err
    assert "Rig: Brass fanfare." in printed
    assert "Brass quartet (Trumpet" in printed


def test_who_lets_in_the_network_is_warned() -> None:
    with Session(Settings(**QUIET, osc_port=0, osc_host="0.0.0.0")) as session:
        text = " ".join(report.introduction(session))
    assert "Warning: anybody who reaches 0.0.0.0 can play with these settings" in text
    with Session(Settings(**QUIET, osc_port=0)) as session:
        text = " ".join(report.introduction(session))
    assert "Warning" not in text


def test_the_table_offers_the_forms_there_are() -> None:
    assert set(EXPORT_FORMS) == set(FORMS)
