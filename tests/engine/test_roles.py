"""Voices for instruments that no preset gave any: by range, by role, by the order of the score."""

import itertools
from pathlib import Path

import pytest

from engine.ensembles import EnsembleError, load_ensemble
from engine.paths import presets_folder
from engine.roles import Player, share_voices

CHORALES = (71, 65, 59, 51)
PRESETS = sorted((presets_folder() / "ensembles").glob("*.toml"))


def flat(shares: list[list[int]]) -> list[int]:
    return sorted(itertools.chain(*shares))


def test_by_range_whatever_the_order_in_the_score() -> None:
    flute, clarinet = Player(59, 98), Player(50, 91)
    horn, bassoon = Player(35, 77), Player(34, 74)
    assert share_voices([flute, clarinet, horn, bassoon], CHORALES) == [[0], [1], [2], [3]]
    assert share_voices([bassoon, flute, horn, clarinet], CHORALES) == [[3], [0], [2], [1]]


def test_equal_instruments_share_from_the_top_of_the_score() -> None:
    same = Player(0, 127)
    assert share_voices([same] * 4, CHORALES) == [[0], [1], [2], [3]]
    assert share_voices([same] * 2, CHORALES) == [[0, 1], [2, 3]]
    assert share_voices([same], CHORALES) == [[0, 1, 2, 3]]


@pytest.mark.parametrize("count", range(1, 17))
@pytest.mark.parametrize("middles", [(70, 50), CHORALES, (80, 72, 66, 60, 54, 46)])
def test_every_voice_has_one_player_and_nobody_has_more_than_need_be(
    count: int, middles: tuple[int, ...]
) -> None:
    players = [Player(30 + 3 * (i % 7), 70 + 5 * (i % 5)) for i in range(count)]
    shares = share_voices(players, middles)
    assert flat(shares) == list(range(len(middles)))
    assert all(len(share) <= 1 for share in shares) == (count >= len(middles))
    assert count > len(middles) or all(shares)


def test_a_role_overrides_the_range() -> None:
    violin, viola, cello = Player(55, 100), Player(48, 88), Player(36, 81, role="melody")
    shares = share_voices([violin, viola, cello, Player(36, 81, role="bass")], CHORALES)
    assert shares == [[1], [2], [0], [3]]
    inner = Player(55, 100, role="inner")
    assert share_voices([inner, viola, Player(55, 90), Player(36, 81)], CHORALES)[0] == [1]


def test_percussion_doubling_and_role_none_get_nothing() -> None:
    drums, idle = Player(0, 127, bank=128), Player(0, 127, role="none")
    flute = Player(60, 98, doubles=2)
    shares = share_voices([drums, flute, idle, Player(36, 90)], CHORALES)
    assert shares == [[], [], [], [0, 1, 2, 3]]
    assert share_voices([drums, idle], CHORALES) == [[], []]


BY_RANGE = [path for path in PRESETS if path.stem != "song_band"]  # no range says who plays chords


@pytest.mark.parametrize("path", BY_RANGE, ids=lambda path: path.stem)
def test_the_shipped_ensembles_would_get_the_voices_they_name(path: Path, tmp_path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    bare = tmp_path / path.name
    bare.write_text("\n".join(line for line in lines if not line.startswith("voices")))
    found = [part.voices for part in load_ensemble(bare).parts]
    assert found == [part.voices for part in load_ensemble(path).parts]


def test_a_file_may_name_the_role(tmp_path: Path) -> None:
    path = tmp_path / "duo.toml"
    path.write_text(
        'name = "Duo"\n[[parts]]\nname = "Cello"\nprogram = 42\nrole = "melody"\n'
        '[[parts]]\nname = "Guitar"\nprogram = 24\n'
    )
    assert [part.voices[0] for part in load_ensemble(path).parts] == ["soprano", "alto"]
    path.write_text('name = "Drums"\n[[parts]]\nname = "Kit"\nprogram = 0\nbank = 128\n')
    with pytest.raises(EnsembleError, match="no part may play a voice"):
        load_ensemble(path)
