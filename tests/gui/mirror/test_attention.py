"""What the network looked at, as the engine tells it."""

from gui.mirror.attention import Attention, read
from gui.mirror.mirror import Mirror

TOLD = {
    "note": [3, 67, 16.0, 1.0],
    "notes": [[1, 72, 15.0, 1.0, 0.5], [2, 64, 13.0, 2.0, 0.2], [0, 48, 2.0, 1.0, 0.1]],
    "remembered": 12,
}


def test_a_message_is_read_and_said() -> None:
    attention = read(TOLD)
    assert attention.note is not None
    assert (attention.note.part, attention.note.pitch, attention.note.beat) == (2, 67, 16.0)
    assert [seen.part for seen in attention.seen] == [0, 1, -1]
    assert attention.share_since(12.0) == 0.7
    assert attention.text(["A", "B", "C"], 4) == (
        "C is to play G4: 70 % of the attention on the bar before it; 12 notes are remembered"
    )
    assert attention.text([], 4).startswith("A part is to play")
    assert Attention().text([], 4) == ""


def test_the_mirror_tells_who_listens_and_forgets_with_the_engine() -> None:
    mirror, heard = Mirror(), []
    mirror.on("attention", lambda: heard.append(mirror.attention.remembered))
    mirror.take("/ripieno/attention", (TOLD,), 1.0)
    mirror.notify(1.0)
    mirror.take("/ripieno/state", ({"revision": 5},), 1.0)
    mirror.take("/ripieno/state", ({"revision": 1},), 1.0)  # started anew
    mirror.notify(1.1)
    assert heard == [12, 0]
