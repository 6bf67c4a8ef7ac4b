#!/bin/sh
# Reproduces the shipped chorale network: corpus, training, figures, weights. About an hour of one
# thread. Needs the extra `train`: music21, torch, tqdm. Stopped, it goes on where it was.
set -eu
cd "$(dirname "$0")/../.."
export OMP_NUM_THREADS=1
# glibc keeps big blocks instead of giving them back and faulting them in anew: several times as fast.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 MALLOC_TOP_PAD_=67108864
build=training/part_separation/build

python -m training.part_separation.prepare
python -m training.part_separation.train --resume
python -m training.part_separation.calibrate
python -m training.part_separation.evaluate --weights $build/chorales.npz --json $build/chorales.json
python -m training.part_separation.ship
