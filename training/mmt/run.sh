#!/bin/sh
# Trains and measures the Multitrack Music Transformer, its two changes and its two rivals.
#
#   training/mmt/run.sh --data FOLDER            the dissertation's settings: a GPU, hours
#   training/mmt/run.sh --data FOLDER --small    the small network that ships, and tiny ones of
#                                                all five sorts at equal training: a CPU, hours
#
# FOLDER holds the data packs of prepare.py. Stopped, it goes on where it was when run again.
set -eu
cd "$(dirname "$0")/../.."
build=build/mmt
data=
small=
while [ $# -gt 0 ]; do
    case $1 in
        --data) data=$2; shift 2 ;;
        --small) small=yes; shift ;;
        *) echo "usage: $0 --data FOLDER [--small]" >&2; exit 2 ;;
    esac
done

if [ ! -f $build/corpus.npz ]; then
    [ -n "$data" ] || { echo "$0: --data FOLDER is missing" >&2; exit 2; }
    python -m training.mmt.prepare --data "$data"
fi

tiny() {
    python -m training.mmt.train --resume --layers 4 --width 128 --inner 512 --turn-width 64 \
        --turn-inner 128 --rows 256 --batch 8 --updates 400 --rate 2e-3 --warmup 40 \
        --decay 400 --floor 0.05 --dropout 0 --power 0.5 --pool 16 --every 400 \
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
    tiny --name tiny-paper
    tiny --name tiny-turn --heads "in turn"
    tiny --name tiny-wide --heads "in turn" --turn-width 128 --turn-inner 256
    tiny --name tiny-rotary --heads "in turn" --positions rotary
    tiny --name tiny-mmm --kind mmm
    tiny --name tiny-remi --kind remi
    python -m training.mmt.evaluate --json $build/tiny.json --split valid --pieces 60 --samples 0 \
        --weights $build/tiny-paper.npz $build/tiny-turn.npz $build/tiny-wide.npz \
        $build/tiny-rotary.npz $build/tiny-mmm.npz $build/tiny-remi.npz
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
