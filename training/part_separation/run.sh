#!/bin/sh
# Reproduces the shipped chorale network: corpus, training, figures, weights. About CPU hour, one
# thread. Needs the extra `train` (music21, torch, tqdm). Stopped, it goes on with --resume.
set -eu
cd "$(dirname "$0")/../.."
export OMP_NUM_THREADS=1

python -m training.part_separation.prepare
python -m training.part_separation.train --name chorales --seed 1 "$@"
python -m training.part_separation.evaluate --weights training/part_separation/build/chorales.npz \
    --json training/part_separation/build/figures.json
python -m training.part_separation.ship
