#!/bin/sh
# Reproduces the study of chapter 4: corpora, rules, every network, tables, pictures. Some hours of
# one thread. Needs the extra `train`, and as first argument the folder of the packs (README.md).
# Stopped, it goes on: a run whose figures are there is not repeated.
set -eu
cd "$(dirname "$0")/../../.."
export OMP_NUM_THREADS=1
# glibc keeps big blocks instead of giving them back and faulting them in anew: several times as fast.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 MALLOC_TOP_PAD_=67108864
study=training.part_separation.study

python -m $study.corpora --data "$1"
python -m $study.rules
for seed in 1 2 3; do python -m $study.perceptron --seed $seed; done
for run in $(python -m $study.runs); do python -m $study.learn "$run"; done
python -m training.part_separation.prepare
python -m $study.played
python -m tests.bench.live_separation --json training/part_separation/results/live_separation.json
python -m $study.pictures
python -m $study.tables --write
