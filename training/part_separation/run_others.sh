#!/bin/sh
# Reproduces the other live networks: run_others.sh DIR, the folder of the unpacked sym_string_quartets,
# sym_baroque_renaissance_kern and sym_pop909. About an hour of one thread. Stopped, it goes on.
set -eu
data=$(realpath "$1")
cd "$(dirname "$0")/../.."
export OMP_NUM_THREADS=1
# glibc keeps big blocks instead of giving them back and faulting them in anew: several times as fast.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 MALLOC_TOP_PAD_=67108864
build=training/part_separation/build

python -m training.part_separation.live_corpora --data "$data"
python -m training.part_separation.train --resume --name quartets --data $build/corpus_quartets.npz \
    --batch 64 --updates 3000 --dropout 0.2 --forget 0.1
python -m training.part_separation.calibrate quartets
python -m training.part_separation.train --resume --name pop --data $build/corpus_pop.npz --classes 6 \
    --updates 800 --dropout 0.2 --forget 0.15
python -m training.part_separation.train --resume --name general --data $build/corpus_general.npz \
    --classes 5 --tell-absent --updates 1200 --dropout 0.2 --forget 0.15
python -m training.part_separation.calibrate general
for name in quartets pop general; do
    python -m training.part_separation.others $name --weights $build/$name.npz --json $build/$name.json
    python -m training.part_separation.ship $name
done
