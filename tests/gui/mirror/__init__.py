"""Tests of the mirror: no Qt, no screen."""
