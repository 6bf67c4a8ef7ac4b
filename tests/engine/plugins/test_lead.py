"""The lead follows what the host needs: up at once, down slowly."""

import itertools

import pytest

from engine.plugins.lead import FORGIVEN_S, MOST, PATIENCE_S, STEP, Lead


@pytest.mark.parametrize(("block", "most_ms"), [(64, 6.7), (128, 8.0), (256, 10.7)])
def test_the_first_guess_is_short(block: int, most_ms: float) -> None:
    lead = Lead.first(block, 48000)
    assert lead.least <= lead.frames <= most_ms * 48
    assert lead.frames % STEP == 0
    assert lead.least >= block + 64


def test_one_miss_in_a_minute_is_let_pass() -> None:
    lead = Lead.first(128, 48000)
    for tick in range(10):
        assert not lead.update(1, 0, tick * (FORGIVEN_S + 1.0))


def test_misses_that_follow_each_other_add_at_once_up_to_a_limit() -> None:
    lead = Lead.first(128, 48000)
    before = lead.frames
    lead.update(1, 0, 0.0)
    assert lead.update(1, 0, FORGIVEN_S - 1.0)
    assert lead.frames == before + STEP
    for tick in range(100):
        lead.update(1, 0, FORGIVEN_S + tick)
    assert lead.frames == MOST


def test_misses_of_one_stall_count_as_one() -> None:
    lead = Lead.first(128, 48000)
    assert not lead.update(5, 0, 10.0)
    assert not lead.update(3, 0, 10.5)
    assert lead.update(1, 0, 11.0), "what lasts longer is none"


def test_room_never_needed_is_given_back_after_a_while() -> None:
    lead = Lead.first(128, 48000)
    for now_s in (-3.0, -1.0):
        lead.update(1, 0, now_s)
    raised = lead.frames
    now_s = 0.0
    while lead.frames == raised:
        now_s += 0.5
        lead.update(0, lead.comfort, now_s)
    assert now_s == 0.5 + 4 * PATIENCE_S, "each stall has doubled the patience"
    assert lead.frames == raised - STEP
    for _ in range(10000):
        now_s += 0.5
        lead.update(0, 1000, now_s)
    assert lead.frames == lead.least


def test_what_was_given_back_returns_with_the_first_miss() -> None:
    lead = Lead.first(128, 48000)
    before, now_s = lead.frames, 0.0
    while lead.frames == before:
        now_s += 0.5
        lead.update(0, lead.comfort, now_s)
    assert lead.update(1, 0, now_s + 1.0)
    assert lead.frames == before
    assert not lead.update(1, 0, now_s + 2.0 + FORGIVEN_S), "but only once"


@pytest.mark.parametrize("block", [64, 128])
def test_a_host_that_is_always_at_once_in_time_keeps_a_block_to_spare(block: int) -> None:
    lead, now_s = Lead.first(block, 48000), 0.0
    for _ in range(1000):
        now_s += 0.5
        lead.update(0, lead.frames - block - STEP, now_s)
    assert lead.frames - block - STEP >= block


def test_room_that_is_used_or_unknown_stays() -> None:
    for headroom in (STEP, None):
        lead = Lead.first(128, 48000)
        before = lead.frames
        for tick in range(1000):
            assert not lead.update(0, headroom, tick * 0.5)
        assert lead.frames == before


def test_misses_that_follow_each_other_add_more_each_time() -> None:
    lead = Lead.first(128, 48000)
    leads = [lead.frames]
    for now_s in (0.0, 1.0, 2.0, 3.0, 30.0, 100.0):
        lead.update(1, 0, now_s)
        leads.append(lead.frames)
    assert [b - a for a, b in itertools.pairwise(leads)] == [0, 64, 128, 256, 64, 0]


def test_a_lead_raised_by_a_bad_moment_comes_down_in_few_steps() -> None:
    lead = Lead.first(128, 48000)
    usual = lead.frames
    for tick in range(8):
        lead.update(5, 0, float(tick))
    assert lead.frames > usual + 1500
    now_s = 8.0
    while lead.frames > usual + 2 * STEP:
        now_s += 0.5
        lead.update(0, lead.frames - usual + lead.comfort, now_s)
    assert now_s < 1500.0
