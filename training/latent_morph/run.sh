#!/bin/sh
# The whole reproduction in one go: frames, every network of the README's tables, mixtures, figures,
# pictures, the tables written into README.md, then the way from sound to notes
# (run_transcription.sh), and with --ship the weights.
#     training/latent_morph/run.sh [--data FOLDER] [--seeds "1 2 3"] [--ship]
# FOLDER holds the packs; without it the single notes are fetched from where they come from, which
# takes git and a network, and the transcription, which needs other packs too, is left out.
# Stopped at any moment, it goes on where it was: what is trained or measured is not done again.
# About three and a half hours of one thread on a machine that does nothing else.
set -eu
cd "$(dirname "$0")/../.."
build=build/latent_morph
data=
seeds="1 2 3"
ship=
while [ $# -gt 0 ]; do
    case $1 in
        --data) data=$2; shift 2 ;;
        --seeds) seeds=$2; shift 2 ;;
        --ship) ship=yes; shift ;;
        *) echo "usage: $0 [--data FOLDER] [--seeds \"1 2 3\"] [--ship]" >&2; exit 2 ;;
    esac
done
export OMP_NUM_THREADS=1
# Big blocks stay with the process: given back and taken anew, each page would be cleared again.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=68719476736 MALLOC_TOP_PAD_=67108864
given=$data
if [ -z "$data" ]; then
    python -m training.latent_morph.originals --out $build
    data=$build
fi

if [ ! -f $build/frames.npz ]; then
    python -m training.latent_morph.prepare --data "$data"
fi
learn() {
    python -m training.latent_morph.train --resume "$@"
}

names=
for seed in $seeds; do
    learn --kind B --seed "$seed"
    learn --kind B-eight --seed "$seed"
    python -m training.latent_morph.course --seed "$seed" --out $build
    names="$names B-$seed B-eight-$seed"
done
learn --kind classifier
learn --kind classifier-eight
learn --kind classifier-still --updates 3000 --every 500
learn --kind A --updates 2000 --every 500
learn --kind A+ --updates 3000 --every 500
learn --kind wide --updates 2000 --every 500
learn --kind paper --updates 500 --every 100
names="$names classifier-1 classifier-eight-1 classifier-still-1 A-1 A+-1 wide-1 paper-1"
# shellcheck disable=SC2086
python -m training.latent_morph.evaluate --data "$data" --names $names --json $build/figures.json
first=${seeds%% *}
python -m training.latent_morph.pictures --data "$data" --network "$build/B-$first.pt" \
    --sounds $build/sounds
python -m training.latent_morph.mixtures --data "$data" --json $build/mixtures.json \
    --draw training/latent_morph/figures
if [ -n "$ship" ]; then
    python -m training.latent_morph.ship --network "$build/B-$first.pt" --register morph_orchestra
    python -m training.latent_morph.ship_paper --network $build/wide-1.pt --register morph_paper
fi
python -m training.latent_morph.synth --data "$data" --live "B-$first" --json $build/synth.json
python -m training.latent_morph.tables --write
if [ -n "$given" ]; then
    training/latent_morph/run_transcription.sh --data "$data"
else
    echo "$0: run_transcription.sh is left out: it needs --data FOLDER with packs of pieces" >&2
fi
