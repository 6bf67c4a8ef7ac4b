#!/bin/sh
# Trains and measures the way from sound to notes: the figures of TRANSCRIPTION.md, the weights that
# ship. One thread, about an hour and a quarter on a machine that does nothing else.
#
#   training/latent_morph/run_transcription.sh --data FOLDER
#
# FOLDER holds the packs of single notes, sym_string_quartets and audio_bach_violin, unpacked or not.
# Stopped, it goes on where it was when run again.
set -eu
cd "$(dirname "$0")/../.."
build=build/latent_morph/transcription
data=
while [ $# -gt 0 ]; do
    case $1 in
        --data) data=$2; shift 2 ;;
        *) echo "usage: $0 --data FOLDER" >&2; exit 2 ;;
    esac
done
[ -n "$data" ] || { echo "$0: --data FOLDER is missing" >&2; exit 2; }
export OMP_NUM_THREADS=1
# Big blocks stay with the process: given back and taken anew, each page would be cleared again.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=68719476736 MALLOC_TOP_PAD_=67108864

[ -f $build/test/offsets.npy ] || python -m training.latent_morph.transcription.prepare --data "$data"
python -m training.latent_morph.transcription.train --form offline
python -m training.latent_morph.transcription.train --form live
python -m training.latent_morph.transcription.judging
python -m training.latent_morph.transcription.choose --form offline
python -m training.latent_morph.transcription.choose --form players
python -m training.latent_morph.transcription.choose --form live
python -m training.latent_morph.transcription.evaluate --data "$data" \
    --json $build/figures.json
python -m training.latent_morph.transcription.ship --out $build
