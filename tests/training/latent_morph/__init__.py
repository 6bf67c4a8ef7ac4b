"""Tests of the training of morph voices."""
