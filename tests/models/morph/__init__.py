"""Tests of the morph voice's model."""
