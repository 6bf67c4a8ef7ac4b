"""Tests of the pages, offscreen on a real engine."""
