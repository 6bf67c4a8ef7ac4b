"""A score as a prompt: what is told of it, what stays, and who plays what is made."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.composing import ComposingError
from engine.general_midi import player
from engine.midi.files import read_midi, write_midi
from engine.midi.performance import Performance, Track, in_playing_order, new_events
from engine.midi.tempo import TempoMap
from engine.paths import presets_folder
from engine.prompts import continued, empty_prompt, in_order, prompt_of, with_players
from models.mmt.instruments import code_of
from models.mmt.representation import KEY, LENGTH, ONSET, PLAYER, TICKS

PIECE = presets_folder() / "demo" / "herzliebster_jesu.mid"
SOMEWHERE = Path("song.mid")


def score(
    rows: list[tuple[float, float, int, int]],
    tracks: tuple[Track, ...],
    gestures: list[tuple[float, bytes, int]] = (),  # pyright: ignore[reportArgumentType]
    tempo: TempoMap | None = None,
) -> Performance:
    """(start beat, end beat, pitch, track) of each note, and controllers at beats."""
    tempo = tempo or TempoMap.steady(90)
    events = []
    for start, end, pitch, track in rows:
        channel = tracks[track].channel - 1
        events.append((tempo.second_at(start), bytes((0x90 + channel, pitch, 80)), track))
        events.append((tempo.second_at(end), bytes((0x80 + channel, pitch, 64)), track))
    for beat, (status, *data), track in gestures:
        events.append((tempo.second_at(beat), bytes((status, *data)), track))
    return Performance("song", in_playing_order(new_events(events)), tracks, tempo)


def line(track: int, pitch: int, beats: int = 8) -> list[tuple[float, float, int, int]]:
    return [(float(b), b + 1.0, pitch + b % 3, track) for b in range(beats)]


VIOLINS = (Track("Violin I", 40, channel=1), Track("Violin II", 40, channel=2))


def made(*rows: tuple[float, int, float, str]) -> np.ndarray:
    """(beat, key, beats, instrument) as notes."""
    table = [(round(b * TICKS), k, round(n * TICKS), code_of(who)) for b, k, n, who in rows]
    return np.array(table, np.int64).reshape(-1, 4)


def test_the_network_is_told_every_pitched_note() -> None:
    piece = read_midi(PIECE)
    prompt = prompt_of(piece, PIECE)
    assert len(prompt.notes) == len(np.unique(prompt.notes, axis=0))
    written = piece.notes()
    assert abs(len(prompt.notes) - len(written)) < 10  # unisons of one instrument are one note
    assert set(prompt.notes[:, PLAYER]) == {code_of("voices")}
    end = float(piece.tempo.to_beats(written["end_seconds"].max()))
    assert end <= prompt.seam_beat + 0.1
    assert prompt.seam_beat < end + 1


def test_only_the_first_beats() -> None:
    prompt = prompt_of(read_midi(PIECE), PIECE, 16)
    assert prompt.seam == 16 * TICKS
    assert prompt.notes[:, ONSET].max() < 16 * TICKS
    kept = prompt.score.notes()
    assert prompt.score.tempo.to_beats(kept["start_seconds"]).max() < 16


def test_tempo_meter_and_key_stay_as_far_as_they_are_reached() -> None:
    tempo = TempoMap.from_beats([(0, 0.5), (4, 0.6), (12, 0.4)])
    piece = replace(
        score(line(0, 60, 16), VIOLINS, tempo=tempo),
        time_signatures=((0.0, 3, 4), (12.0, 4, 4)),
        key_signatures=((0.0, "Eb"), (12.0, "C")),
    )
    prompt = prompt_of(piece, SOMEWHERE, 8)
    assert prompt.score.tempo.beats == (0, 4)
    assert prompt.score.time_signatures == ((0.0, 3, 4),)
    assert prompt.score.key_signatures == ((0.0, "Eb"),)
    assert prompt.beats_of(6.0) == pytest.approx(10)
    longer = continued(prompt, made((20, 70, 1, "violin")))
    assert longer.notes()["start_seconds"][-1] == pytest.approx(4 * 0.5 + 16 * 0.6)
    whole = prompt_of(piece, SOMEWHERE)
    assert whole.seam_beat == 16
    assert whole.score.time_signatures == piece.time_signatures


def test_pedals_come_up_and_bends_go_back_at_the_seam() -> None:
    gestures = [
        (0.0, b"\xb0\x40\x7f", 0),
        (1.0, b"\xe0\x00\x20", 0),
        (2.0, b"\xb0\x0b\x50", 0),
        (6.0, b"\xb0\x40\x00", 0),
        (3.0, b"\xb1\x40\x7f", 1),
        (3.5, b"\xb1\x40\x00", 1),
    ]
    prompt = prompt_of(score(line(0, 60), VIOLINS, gestures), SOMEWHERE, 4)
    seam_s = prompt.score.tempo.second_at(4)
    late = prompt.score.events[prompt.score.events["seconds"] == seam_s]
    gestures_there = [tuple(event)[1:5] for event in late.tolist() if event[1] & 0xF0 > 0xA0]
    assert sorted(gestures_there) == [(0xB0, 64, 0, 0), (0xE0, 0, 64, 0)]


def test_drums_and_effects_stay_but_are_not_told() -> None:
    tracks = (VIOLINS[0], Track("Drums", channel=10), Track("Sea", 122, channel=3))
    piece = score(line(0, 60) + line(1, 38) + line(2, 50), tracks)
    prompt = prompt_of(piece, SOMEWHERE)
    assert len(prompt.notes) == 8
    assert len(prompt.score.notes()) == 24
    assert prompt.remarks == (
        "8 drum notes stay; the network writes none.",
        "8 notes of sound effects stay; the network knows none.",
    )


@pytest.mark.parametrize(
    ("rows", "beats", "says"),
    [
        (line(0, 60, 3), None, "song.mid: there are 3 notes in it that can be continued, at least"),
        (line(0, 60), 2, "there are 2 notes in the first 2 beats that can be continued"),
        (line(2, 60), None, "there are 0 notes in it"),
    ],
)
def test_too_little_to_continue_is_one_sentence(rows: list, beats: int | None, says: str) -> None:
    tracks = (*VIOLINS, Track("Sea", 122, channel=3))
    with pytest.raises(ComposingError, match=says):
        prompt_of(score(rows, tracks), SOMEWHERE, beats)


def test_an_instrument_without_a_track_gets_one_and_a_channel() -> None:
    prompt = prompt_of(score(line(0, 60), VIOLINS), SOMEWHERE)
    more = with_players(prompt, [player("violin"), player("muted trumpet"), player("cello")])
    assert [t.name for t in more.score.tracks[2:]] == ["Muted trumpet", "Cello"]
    assert [t.channel for t in more.score.tracks] == [1, 2, 3, 4]
    assert more.score.tracks[2].program == 59
    longer = continued(more, made((8, 60, 1, "trumpet"), (8, 48, 2, "cello")))
    assert longer.notes()["track"].tolist()[-2:] in ([2, 3], [3, 2])


def test_without_a_free_channel_there_is_no_room() -> None:
    tracks = tuple(Track(f"P{n}", n, channel=n) for n in range(1, 17))
    prompt = prompt_of(score(line(0, 60), tracks), SOMEWHERE)
    with pytest.raises(ComposingError, match="no room for Violin: all 15 channels"):
        with_players(prompt, [player("violin")])


def test_desks_of_one_instrument_keep_to_their_range() -> None:
    prompt = prompt_of(score(line(0, 76) + line(1, 62), VIOLINS), SOMEWHERE)
    notes = made(
        (8, 61, 1, "violin"),
        (8, 77, 1, "violin"),
        (9, 75, 2, "violin"),
        (10, 64, 1, "violin"),  # the first still sounds
        (11, 74, 1, "violin"),
    )
    desks = continued(prompt, notes).notes()["track"][-5:].tolist()
    assert desks == [1, 0, 0, 1, 0] or desks == [0, 1, 0, 1, 0]
    by_pitch = {int(n["pitch"]): int(n["track"]) for n in continued(prompt, notes).notes()[-5:]}
    assert by_pitch == {61: 1, 77: 0, 75: 0, 64: 1, 74: 0}


def test_what_is_made_is_as_loud_as_what_was_played() -> None:
    loud = score(line(0, 60, 32), VIOLINS)
    loud.events["b"][loud.events["status"] == 0x90] = 110
    notes = made((32, 60, 1, "violin"), (33, 62, 1, "violin"))
    velocities = continued(prompt_of(loud, SOMEWHERE), notes).notes()["velocity"][-2:]
    assert (abs(velocities.astype(int) - 110) < 12).all()


def test_an_old_note_is_let_go_where_its_key_is_struck_again() -> None:
    rows = [*line(0, 60, 7), (7.0, 20.0, 72, 0), (7.0, 20.0, 64, 0)]
    prompt = prompt_of(score(rows, VIOLINS[:1]), SOMEWHERE, 8)
    assert prompt.seam_beat == 8
    notes = continued(prompt, made((10, 72, 1, "violin"))).notes()
    ends = prompt.score.tempo.to_beats(notes["end_seconds"])
    of_72 = sorted(ends[notes["pitch"] == 72].tolist())
    assert of_72 == pytest.approx([10, 11])
    assert ends[notes["pitch"] == 64][-1] == pytest.approx(20)


def test_from_nothing_there_is_a_tempo_and_no_track() -> None:
    prompt = with_players(empty_prompt(84), [player("flute")])
    assert prompt.seam == 0
    assert prompt.beats_of(60) == pytest.approx(84)
    song = continued(prompt, made((0, 70, 1, "flute")))
    assert song.notes()["velocity"][0] > 40
    assert len(continued(prompt, made()).events) == 0


def test_a_written_continuation_reads_as_it_was_made(tmp_path: Path) -> None:
    prompt = prompt_of(read_midi(PIECE), PIECE, 24)
    notes = made(*[(24 + n / 3, 60 + n % 12, 1 / 3, "voices") for n in range(36)])
    song = continued(prompt, notes)
    write_midi(tmp_path / "a.mid", song.tracks, song.events, song.tempo)
    again = prompt_of(read_midi(tmp_path / "a.mid"), tmp_path / "a.mid").notes
    late = again[again[:, ONSET] >= 24 * TICKS]
    assert late[:, [ONSET, KEY, LENGTH]].tolist() == notes[:, [ONSET, KEY, LENGTH]].tolist()


@pytest.mark.parametrize(
    ("cost", "places"),
    [
        ([[1.0, 9.0]], [0]),
        ([[9.0, 1.0]], [1]),
        ([[5.0, 1.0, 9.0], [9.0, 1.0, 3.0]], [1, 2]),
        ([[0.0, 0.0]] * 3, [0, 1, 1]),
        ([[9.0, 9.0, 1.0], [9.0, 1.0, 9.0]], [0, 1]),
    ],
)
def test_the_cheapest_rising_places(cost: list, places: list[int]) -> None:
    assert in_order(np.array(cost)) == places
