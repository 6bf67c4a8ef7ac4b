#!/bin/sh
# Reproduces the shipped chorale network: corpus, training, figures, weights. Less than an hour of
# one thread. Needs the extra `train`: music21, torch, tqdm. Stopped, a stage goes on with --resume.
set -eu
cd "$(dirname "$0")/../.."
export OMP_NUM_THREADS=1
build=training/part_separation/build

python -m training.part_separation.prepare
python -m training.part_separation.train --until 6000
python -m training.part_separation.evaluate --split valid --weights $build/chorales.npz
# The recipe is settled: the last fifth also learns from the pieces it was chosen by.
python -m training.part_separation.train --learn train valid --resume
python -m training.part_separation.evaluate --weights $build/chorales.npz --json $build/figures.json
python -m training.part_separation.ship
