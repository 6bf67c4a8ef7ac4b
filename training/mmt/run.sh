#!/bin/sh
# Trains and measures the Multitrack Music Transformer, its two changes and its two rivals.
#
#   training/mmt/run.sh --data FOLDER            the dissertation's settings: a GPU, hours
#   training/mmt/run.sh --data FOLDER --small    the small network that ships, then the same as
#   training/mmt/run.sh --data FOLDER --compare  tiny networks of all five sorts at equal
#                                                training: a CPU, ten minutes each
#
# FOLDER holds the data packs of prepare.py. Stopped, it goes on where it was when run again.
set -eu
cd "$(dirname "$0")/../.."
# Big blocks stay with the process: given back and taken anew, each page would be cleared again.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=68719476736 MALLOC_TOP_PAD_=67108864
build=build/mmt
data=
small=
compare=
while [ $# -gt 0 ]; do
    case $1 in
        --data) data=$2; shift 2 ;;
        --small) small=yes; compare=yes; shift ;;
        --compare) compare=yes; shift ;;
        *) echo "usage: $0 --data FOLDER [--small | --compare]" >&2; exit 2 ;;
    esac
done

if [ ! -f $build/corpus.npz ]; then
    [ -n "$data" ] || { echo "$0: --data FOLDER is missing" >&2; exit 2; }
    python -m training.mmt.prepare --data "$data"
fi

tiny() {
    python -m training.mmt.train --resume --layers 4 --width 128 --inner 512 --turn-width 128 \
        --turn-inner 256 --rows 256 --batch 8 --updates 4000 --rate 2e-3 --warmup 100 \
        --decay 4000 --floor 0.05 --dropout 0 --power 0.5 --pool 16 --every 500 \
        --valid-pieces 40 --patience 0 "$@"
}

if [ -n "$small" ]; then
    export OMP_NUM_THREADS=1
    compile=
    if command -v g++ >/dev/null; then compile=--compile; fi # a fifth faster
    python -m training.mmt.train $compile --resume --name small --heads "in turn" --positions rotary \
        --layers 6 --width 256 --inner 1024 --turn-width 128 --turn-inner 256 --rows 512 \
        --batch 8 --updates 11000 --rate 1e-3 --warmup 300 --decay 11000 --floor 0.05 \
        --dropout 0 --power 0.5 --pool 16 --every 500 --valid-pieces 60 --patience 0
    python -m training.mmt.evaluate --weights $build/small.npz --pieces 100 --samples 50 \
        --json $build/small.json
    python -m training.mmt.attention --weights $build/small.npz --pieces 30
    python -m training.mmt.continuations --weights $build/small.npz --measured 30
    python -m training.mmt.ship --weights $build/small.npz --register mmt_small --split test
fi

if [ -n "$compare" ]; then
    export OMP_NUM_THREADS=1
    tiny --name tiny4-paper
    tiny --name tiny4-turn --heads "in turn"
    tiny --name tiny4-rotary --heads "in turn" --positions rotary
    tiny --name tiny4-remi --kind remi
    tiny --name tiny4-mmm --kind mmm
    tiny --name tiny4-paper-seed2 --seed 2
    tiny --name tiny4-turn-seed2 --seed 2 --heads "in turn"
    weights() { # in the order of the README's tables
        for name in "$@"; do echo $build/tiny4-$name.npz; done
    }
    all=$(weights paper paper-seed2 turn turn-seed2 rotary remi mmm)
    ours=$(weights paper paper-seed2 turn turn-seed2 rotary)
    python -m training.mmt.compare --weights $all --samples 200 --json $build/compare.json
    python -m training.mmt.compare --weights $ours --samples 200 --share 1 \
        --json $build/compare-odds.json
    python -m training.mmt.compare --weights $ours --samples 200 --share 1 --min-p 0.02 \
        --json $build/compare-min-p.json
    exit 0
fi

gpus=$(python -c "import torch; print(max(1, torch.cuda.device_count()))")
learn() {
    torchrun --standalone --nproc-per-node "$gpus" -m training.mmt.train --resume \
        --workers 4 --power 0.5 "$@"
}
learn --name mmt
learn --name turn --heads "in turn" --positions rotary
learn --name mmm --kind mmm
learn --name remi --kind remi
python -m training.mmt.evaluate --json $build/figures.json \
    --weights $build/mmt.npz $build/turn.npz $build/mmm.npz $build/remi.npz
python -m training.mmt.attention --weights $build/mmt.npz
python -m training.mmt.attention --weights $build/turn.npz
python -m training.mmt.ship --weights $build/turn.npz --out $build/turn-int8.npz
