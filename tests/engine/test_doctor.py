"""The doctor finds what is there and what is not, and names a fix for every lack."""

from pathlib import Path

import pytest

from engine import doctor
from engine.doctor import ADVICE, GOOD, MISSING, Finding
from engine.errors import RipienoError


@pytest.fixture(autouse=True)
def no_server(monkeypatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "ripieno-no-such-server")


def test_what_the_demo_needs_is_here() -> None:
    told: list[Finding] = []
    findings = doctor.examine(told.append)
    assert findings == told
    assert [finding.what for finding in findings] == [what for what, _ in doctor.CHECKS]
    assert doctor.healthy(findings), [f for f in findings if f.state == MISSING]
    for finding in findings:
        assert finding.found
        assert finding.state in (GOOD, ADVICE)
        assert bool(finding.fix) == (finding.state == ADVICE)


def test_a_missing_library_comes_with_its_fix(monkeypatch) -> None:
    from engine import fluidsynth

    def missing() -> None:
        raise RipienoError("FluidSynth is missing")

    monkeypatch.setattr(fluidsynth, "load_library", missing)
    finding = doctor.check_fluidsynth()
    assert finding.state == MISSING
    assert finding.fix
    assert not doctor.healthy([finding])


def test_a_missing_server_is_only_advice() -> None:
    finding = doctor.check_jack()
    assert finding.state == ADVICE
    assert "jackd" in finding.fix


def test_a_check_that_fails_is_a_finding(monkeypatch) -> None:
    def broken() -> Finding:
        raise OSError("no such bus")

    monkeypatch.setattr(doctor, "CHECKS", (("Bus", broken),))
    (finding,) = doctor.examine()
    assert (finding.what, finding.state, finding.found) == ("Bus", MISSING, "no such bus")


def test_damaged_weights_are_found(monkeypatch) -> None:
    from models import registry

    def damaged(name: str) -> None:
        raise ValueError("chorales.npz is damaged")

    monkeypatch.setattr(registry, "load", damaged)
    finding = doctor.check_weights()
    assert finding.state == MISSING
    assert "chorales.npz is damaged" in finding.found


def test_a_full_disk_is_told(monkeypatch, tmp_path: Path) -> None:
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage(10, 9, 1))
    assert doctor.check_takes().state == ADVICE
