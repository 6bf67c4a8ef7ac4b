# Each target first makes .venv with the locked versions of .ci/constraints.txt.
# PYTHON chooses the interpreter that .venv is made with (3.11 or later).

export PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint bench constraints

demo:  ## play a piece as an ensemble: demo.wav, demo.mid, demo.png, demo.json
	.ci/environment demo
	$(BIN)/ripieno demo $(ARGS)

# Two workers must find the same tests in the same order, sets or not: hence the hash seed.
test:  ## every test that needs no GPU and no sound card; ARGS="-k name" chooses
	.ci/environment test
	$(BIN)/python -W error -m engine.compiling
	PYTHONHASHSEED=0 $(BIN)/python -m pytest -n 2 -m "not gpu and not device" $(ARGS)

lint:
	.ci/environment lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench:  ## every benchmark and the peers, figures into build/bench; ARGS="voices latency" chooses
	.ci/environment bench
	$(BIN)/python -m tests.bench $(ARGS)

train-%:  ## the reproduction of one system: make train-part_separation
	.ci/environment train
	PATH="$(CURDIR)/$(BIN):$$PATH" sh training/$*/run.sh

constraints:  ## lock what is installed in .venv now
	.ci/lock
