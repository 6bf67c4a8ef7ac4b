"""Tests of painted widgets, offscreen."""
