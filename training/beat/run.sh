#!/bin/sh
# Reproduces the rhythm table that ships and the figures of README.md, a few minutes of one thread.
# DATA holds the unpacked folders sym_lieder_openscore and score_performance_pairs.
set -eu
: "${DATA:?set DATA to the folder that holds sym_lieder_openscore and score_performance_pairs}"
cd "$(dirname "$0")/../.."
mkdir -p build/beat

python -m training.beat.rhythm --data "$DATA/sym_lieder_openscore" --out build/beat/beat_rhythm.npz
cmp build/beat/beat_rhythm.npz models/weights/beat_rhythm.npz
python -m training.beat.evaluate --data "$DATA/score_performance_pairs" --json build/beat/test.json
