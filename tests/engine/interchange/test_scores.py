"""Any file where a score is asked for: read, or refused in one sentence, and soon."""

import io
import time
import zipfile
from pathlib import Path

import mido
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import RipienoError
from engine.interchange import untrusted
from engine.interchange.export import export_take
from engine.interchange.scores import read_score
from engine.paths import presets_folder
from tests.engine.interchange.recorded import ROLLING, record
from tests.engine.interchange.test_musicxml import DIVISIONS, note, score

PIECE = presets_folder() / "demo" / "herzliebster_jesu.mid"
SCORE = score(DIVISIONS + note("C", 4, 4, "<tie type='start'/>"), note("C", 4, 4))
FUZZED = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def packed(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def container(name: str) -> bytes:
    return f"<container><rootfiles><rootfile full-path='{name}'/></rootfiles></container>".encode()


@pytest.mark.parametrize("name", ["a.mid", "a.musicxml", "a"])
def test_a_file_is_known_by_what_is_in_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(PIECE.read_bytes())
    assert len(read_score(path).notes()) == len(read_score(PIECE).notes())
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        text = SCORE.decode().replace("UTF-8", "UTF-16" if encoding == "utf-16" else "UTF-8")
        path.write_bytes(text.encode(encoding))
        assert read_score(path).notes()["pitch"].tolist() == [60, 60]


def test_packed_musicxml(tmp_path: Path) -> None:
    files = {"META-INF/container.xml": container("sub/music.xml"), "sub/music.xml": SCORE}
    assert len(read_score(packed(tmp_path / "a.mxl", files)).notes()) == 2
    assert len(read_score(packed(tmp_path / "b.mxl", {"music.musicxml": SCORE})).notes()) == 2


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty, not MIDI, MusicXML or DAWproject"),
        (b"RIFF....WAVE", "not MIDI, MusicXML or DAWproject"),
        (b"PK\3\4 and no more", "damaged zip"),
        (b"<html>", "damaged XML"),
        (b"<html/>", "not MusicXML, it begins with <html>"),
        (b"\xff\xfe<\0", "damaged XML"),
        (b"MThd", "damaged MIDI file"),
    ],
)
def test_what_is_no_score_is_refused(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "a.xyz"
    path.write_bytes(data)
    with pytest.raises(RipienoError) as refusal:
        read_score(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert why in str(refusal.value)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"readme.txt": b"hello"}, "a zip without a score"),
        ({"META-INF/container.xml": container("gone.xml")}, "a zip without a score"),
        ({"META-INF/container.xml": b"<"}, "damaged XML"),
        ({"project.xml": b"<Song/>"}, "not a DAWproject, project.xml begins with <Song>"),
    ],
)
def test_zips_without_a_score_are_refused(tmp_path: Path, files: dict, why: str) -> None:
    with pytest.raises(RipienoError, match=why):
        read_score(packed(tmp_path / "a.mxl", files))


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.mid"):
        with pytest.raises(RipienoError, match="cannot be read"):
            read_score(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_bomb_is_read_no_further_than_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: int
) -> None:
    monkeypatch.setattr(untrusted, "LARGEST_XML_BYTES", 8 << 20)
    bomb = SCORE + bytes(40 << 20)
    path = packed(tmp_path / "bomb.mxl", {"music.xml": bomb}, method)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(RipienoError, match="is larger than 8 MiB, the most we read"):
        read_score(path)


def test_a_zip_that_lies_about_its_sizes_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.mxl", {"music.xml": SCORE * 50})
    data = bytearray(path.read_bytes())
    directory = data.rindex(b"PK\1\2")
    data[directory + 24 : directory + 28] = (10).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(RipienoError, match="damaged"):
        read_score(path)
    data[directory + 8] |= 1  # encrypted
    path.write_bytes(data)
    with pytest.raises(RipienoError, match="damaged zip"):
        read_score(path)


HIT = "<note><unpitched/><duration>4</duration><instrument id='d'/></note>"
KIT = "<midi-instrument id='d'><midi-unpitched>39</midi-unpitched></midi-instrument>"


def test_a_score_of_drums_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "drums.musicxml"
    path.write_bytes(score(DIVISIONS + HIT, midi=KIT))
    with pytest.raises(RipienoError, match=r"there are only drums in it \(channel 10\)"):
        read_score(path)
    midi = mido.MidiFile(tracks=[mido.MidiTrack()])
    midi.tracks[0] += [mido.Message("note_on", channel=9), mido.Message("note_off", channel=9)]
    midi.save(tmp_path / "drums.mid")
    with pytest.raises(RipienoError, match="there are only drums in it"):
        read_score(tmp_path / "drums.mid")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["musicxml", "mid"])
def test_a_hundred_thousand_notes_are_read_in_seconds(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"long.{kind}"
    if kind == "mid":
        notes = [mido.Message(on, note=60, time=60) for on in ("note_on", "note_off")] * 100_000
        mido.MidiFile(tracks=[mido.MidiTrack(notes)]).save(path)
    else:
        bar = "".join(note("CDEFGAB"[n % 7], 4, 1) for n in range(16))
        path.write_bytes(score(DIVISIONS, *[bar] * 6250))
    begun = time.process_time()
    assert len(read_score(path).notes()) == 100_000
    assert time.process_time() - begun < 20.0


@pytest.mark.slow
@pytest.mark.parametrize(
    "data",
    [
        b"<score-partwise><part-list>" + b"<score-part id='a'/>" * 20_000 + b"</part-list>"
        b"<part id='a'>"
        + b"<measure/>" * 200_000
        + b"</part>"
        + b"<part id='a'/>" * 20_000
        + b"</score-partwise>",
        b"<score-timewise>" + b"<measure><part id='a'/></measure>" * 200_000 + b"</score-timewise>",
        score(
            DIVISIONS
            + note("C", 4, 1, "<tie type='start'/>") * 30_000
            + note("C", 4, 1, "<tie type='stop'/>") * 30_000
        ),
    ],
    ids=["parts", "timewise", "ties"],
)
def test_hostile_scores_take_no_longer_than_long_ones(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "hostile.musicxml"
    path.write_bytes(data)
    begun = time.process_time()
    try:
        read_score(path)
    except RipienoError as refusal:
        assert "no notes" in str(refusal)
    assert time.process_time() - begun < 20.0


def damaged(whole: bytes, changes: list[tuple[int, int]], cut: int) -> bytes:
    data = bytearray(whole)
    for place, value in changes:
        data[place % len(data)] = value
    return bytes(data[: len(data) - cut % len(data) if cut % 3 == 0 else None])


def refused_or_read(path: Path) -> None:
    try:
        piece = read_score(path)
    except RipienoError as refusal:
        assert str(path) in str(refusal)
        assert "\n" not in str(refusal)
    else:
        assert len(piece.notes()) > 0
        assert len(piece.messages()) == len(piece.events)


CHANGES = st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 255)), max_size=8)


@given(CHANGES, st.integers(0))
@FUZZED
def test_damaged_musicxml_is_read_or_refused(
    tmp_path: Path, changes: list[tuple[int, int]], cut: int
) -> None:
    path = tmp_path / "damaged.musicxml"
    path.write_bytes(damaged(SCORE, changes, cut))
    refused_or_read(path)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("exported")
    return export_take(record(folder / "takes", ROLLING), ["dawproject"], folder).read_bytes()


@given(changes=CHANGES, cut=st.integers(0))
@FUZZED
def test_damaged_zips_are_read_or_refused(
    tmp_path: Path, exported: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    path = tmp_path / "damaged.dawproject"
    tail = [(len(exported) - 1 - place % 600, value) for place, value in changes[::2]]
    path.write_bytes(damaged(exported, changes[1::2] + tail, cut))
    refused_or_read(path)


@given(changes=CHANGES)
@FUZZED
def test_damaged_projects_are_read_or_refused(
    tmp_path: Path, exported: bytes, changes: list[tuple[int, int]]
) -> None:
    with zipfile.ZipFile(io.BytesIO(exported)) as archive:
        project = archive.read("project.xml")
    path = packed(tmp_path / "damaged.dawproject", {"project.xml": damaged(project, changes, 1)})
    refused_or_read(path)


WORDS = st.sampled_from(["1", "0", "-1", "4", "nan", "1e8", "0.1", "", "x", "seconds", "beats"])
NAMES = st.sampled_from(
    [
        *("time", "duration", "playStart", "playStop", "loopStart", "loopEnd", "timeUnit"),
        *("contentTimeUnit", "track", "key", "channel", "vel", "value", "id", "reference"),
        *("numerator", "denominator", "interpolation", "enable"),
    ]
)
TAGS = st.sampled_from(
    ["Lanes", "Clips", "Clip", "Notes", "Note", "Points", "Target", "RealPoint", "Markers"]
)
ATTRIBUTES = st.dictionaries(NAMES, WORDS, max_size=5)


def element(children: st.SearchStrategy[list[str]]) -> st.SearchStrategy[str]:
    def text(tag: str, attributes: dict[str, str], inside: list[str]) -> str:
        words = " ".join(f"{name}='{value}'" for name, value in attributes.items())
        return f"<{tag} {words}>{''.join(inside)}</{tag}>"

    return st.builds(text, TAGS, ATTRIBUTES, children)


@pytest.mark.slow
@given(
    st.recursive(
        element(st.just([])), lambda inner: element(st.lists(inner, max_size=4)), max_leaves=20
    )
)
@FUZZED
def test_any_arrangement_is_read_or_refused(tmp_path: Path, inside: str) -> None:
    text = (
        "<Project><Structure><Track id='1'/></Structure><Arrangement><Lanes track='1'>"
        f"<Notes><Note time='0' duration='1' key='60'/></Notes>{inside}</Lanes></Arrangement>"
        "</Project>"
    )
    refused_or_read(packed(tmp_path / "any.dawproject", {"project.xml": text.encode()}))
