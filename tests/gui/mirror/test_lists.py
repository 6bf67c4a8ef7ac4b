"""Takes, rigs and devices as they are listed."""

from gui.mirror import devices, rigs, takes


def test_a_take_is_read_by_when_who_and_how_much() -> None:
    row = {
        "folder": "/home/me/takes/2026-11-21 18.03.02",
        "started": "2026-11-21T18:03:02",
        "seconds": 125.4,
        "notes": 1,
        "ensemble": "Choir",
        "complete": False,
    }
    (take,) = takes.read({"takes": [row]})
    assert take.name == "2026-11-21 18.03.02"
    assert take.title == "21 November 2026, 18:03:02"
    assert take.detail == "Choir \u00b7 2:05 \u00b7 1 note"
    assert takes.find([take], take.name) is take
    assert takes.find([take], "other") is None
    (odd,) = takes.read({"takes": [row | {"started": "yesterday"}]})
    assert odd.title == "yesterday"


def test_the_recorder_says_what_it_does() -> None:
    assert takes.recording_text({}) == "Not known"
    assert takes.recording_text({"on": False}).startswith("Off")
    assert takes.recording_text({"on": True, "recording": False}).startswith("Ready")
    assert "recorded" in takes.recording_text({"on": True, "recording": True})


def test_what_is_unsaved_is_said_and_where_it_is() -> None:
    section = {"id": "a", "name": "A", "unsaved": True, "undo": 2, "redo": 0, "setlist": None}
    assert "2 steps back" in rigs.read(section).told
    assert rigs.read(section | {"unsaved": False}).told == "Saved"
    assert rigs.read({}).name == ""


def test_the_next_rig_of_a_set_list() -> None:
    told = {"id": "s", "name": "S", "rigs": ["a", "b"], "place": 1}
    section = {"id": "a", "name": "A", "unsaved": False, "undo": 0, "redo": 0, "setlist": told}
    setlist = rigs.read(section).setlist
    assert setlist is not None
    assert setlist.next_rig == "b"
    assert rigs.SetList("s", "S", ("a", "b"), 2).next_rig == ""
    assert rigs.name_of("a", [{"id": "a", "name": "Alpha"}]) == "Alpha"
    assert rigs.name_of("night_band", []) == "Night band"


def test_devices_are_named_and_blocks_read_in_samples_and_ms() -> None:
    found = {
        "jack": {"rate_hz": 48000, "block_frames": 128},
        "outputs": [{"name": "Card", "host_api": "ALSA", "rate_hz": 44100}],
        "inputs": ["Keys"],
        "midi_outputs": ["Synth"],
    }
    assert [name for name, _ in devices.outputs(found)] == ["auto", "jack", "Card", "none"]
    assert "128 samples \u00b7 2.67 ms" in dict(devices.outputs(found))["jack"]
    assert (128, "128 samples \u00b7 2.67 ms") in devices.blocks(48000)
    assert [name for name, _ in devices.inputs(found, "Gone")] == ["", "Keys", "Gone", "none"]
    assert [name for name, _ in devices.midi_outputs(found)] == ["channels", "ports", "Synth"]


def test_the_latency_table_names_parts_and_counts_samples() -> None:
    row = dict.fromkeys((key for key, _ in devices.PATH_COLUMNS), 64) | {"total_ms": 1.3333}
    paths = [row | {"path": path} for path in ("part 2", "return 1", "midi out")]
    rows = devices.path_rows(paths, ["A", "B"])
    assert [cells[0] for cells in rows] == ["B", "Input 1", "MIDI out"]
    assert rows[0][1:] == ["64"] * 8 + ["1.33"]


def test_remembered_connections_are_forgotten_by_their_peer() -> None:
    answer = {"connected": [["out_1", "system:playback_1"]], "parted": [["out_2", "x:y"]]}
    assert devices.links(answer) == [
        ("system:playback_1", "out_1 \u2192 system:playback_1"),
        ("x:y", "out_2 not to x:y"),
    ]
