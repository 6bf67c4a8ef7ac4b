"""Tests of the window: the models without a screen, the rest offscreen against a real engine."""
