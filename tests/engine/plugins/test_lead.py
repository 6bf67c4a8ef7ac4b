"""The lead follows what the host needs: up at once, down slowly."""

import itertools

import pytest

from engine.plugins.lead import COMFORT, MOST, PATIENCE_S, STEP, Lead


@pytest.mark.parametrize(("block", "most_ms"), [(64, 6.7), (128, 8.0), (256, 10.7)])
def test_the_first_guess_is_short(block: int, most_ms: float) -> None:
    lead = Lead.first(block, 48000)
    assert lead.least <= lead.frames <= most_ms * 48
    assert lead.frames % STEP == 0
    assert lead.least >= block + 64


def test_a_miss_adds_at_once_up_to_a_limit() -> None:
    lead = Lead.first(128, 48000)
    before = lead.frames
    assert lead.update(1, 0, 0.0)
    assert lead.frames >= before + STEP
    for _ in range(100):
        lead.update(1, 0, 0.0)
    assert lead.frames == MOST


def test_room_never_needed_is_given_back_after_a_while() -> None:
    lead = Lead.first(128, 48000)
    lead.update(1, 0, 0.0)
    raised = lead.frames
    now_s = 0.0
    while lead.frames == raised:
        now_s += 0.5
        lead.update(0, 2 * STEP, now_s)
    assert now_s == 0.5 + 2 * PATIENCE_S, "a miss has doubled the patience"
    assert lead.frames == raised - STEP
    for _ in range(10000):
        now_s += 0.5
        lead.update(0, 1000, now_s)
    assert lead.frames == lead.least


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
    for now_s in (0.0, 0.5, 1.0, 100.0):
        lead.update(1, 0, now_s)
        leads.append(lead.frames)
    assert [b - a for a, b in itertools.pairwise(leads)] == [64, 128, 256, 64]


def test_a_lead_raised_by_a_bad_moment_comes_down_in_few_steps() -> None:
    lead = Lead.first(128, 48000)
    usual = lead.frames
    for tick in range(8):
        lead.update(5, 0, tick * 0.5)
    assert lead.frames > usual + 1500
    now_s = 4.0
    while lead.frames > usual + 2 * STEP:
        now_s += 0.5
        lead.update(0, lead.frames - usual + COMFORT, now_s)
    assert now_s < 1500.0
