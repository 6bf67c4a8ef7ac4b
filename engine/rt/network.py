"""The online step of the part-separation network: a note in, log-probabilities of the classes out.

Three LSTM layers of H units (HIDDEN, a multiple of 16) over a sum of feature tokens. The callback
calls `step` for every note; training and the benchmarks call it too. Everything is in two flat
float32 arrays, so that a step allocates nothing and reads its weights in one direction:

    weights  table (tokens(K), 4 H), which holds the product of embedding and first layer,
             first layer recurrent (H, 4 H); second and third layer: bias (4 H), inputs then
             recurrent (2 H, 4 H); output (H, K), bias (K); temperatures (2)
    state    hidden (3, H), cell (3, H), gates (4 H), kept hidden and cell (2, 3, H)

A chord can be looked at twice: `keep_past` before its first note, then, when all its notes have
had their step, `go_back`, the notes' steps once more in the opposite order, `return_to_present`.
The first look at the first note knew nothing of the others; the mean of both looks does.

The temperatures are no part of the step: they say how much of the differences between
log-probabilities to believe (engine.rt.assignment), of a note by itself and of a chord's notes
together, and were found on pieces the network had not heard. A file of weights may lack them; then
they are 1.
"""

import numpy as np
from numba import njit

from engine.rt.assignment import MAX_CLASSES
from engine.rt.features import (
    PITCH,
    keep_memory,
    new_memory,
    remember_note_on,
    reset_memory,
    revise_chord,
    swap_memory,
    tokens,
    write_features,
)
from engine.rt.history import believe, leave_out_absent
from engine.rt.native import rt

HIDDEN = 160
LAYERS = 3
LEAST, MOST = 0.1, 10.0  # of the temperatures
GATES = 4 * HIDDEN  # input, forget, candidate, output
_CELLS = LAYERS * HIDDEN
_SCRATCH = 2 * _CELLS
_KEPT = _SCRATCH + GATES
STATE_SIZE = _KEPT + 2 * _CELLS
_SECOND = HIDDEN * GATES  # from the table's end, where the first layer starts
_THIRD = _SECOND + (1 + 2 * HIDDEN) * GATES
_OUTPUT = _THIRD + (1 + 2 * HIDDEN) * GATES

fast = njit(nogil=True, error_model="numpy", cache=True, fastmath=True)


def shapes(classes: int) -> dict[str, tuple[int, ...]]:
    """Return name -> shape of the arrays a weights file holds, as PyTorch lays them out. [any]"""
    arrays: dict[str, tuple[int, ...]] = {
        "embedding": (tokens(classes), HIDDEN),
        "frequency": (HIDDEN,),
    }
    for layer in range(LAYERS):
        arrays[f"input_{layer}"] = (GATES, HIDDEN)
        arrays[f"recurrent_{layer}"] = (GATES, HIDDEN)
        arrays[f"bias_{layer}"] = (GATES,)
    return arrays | {"output": (classes, HIDDEN), "output_bias": (classes,)}


def new_network(
    weights: dict[str, np.ndarray], rate_hz: float = 48000
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (weights (n,) float32, state (m,) float32, memory (1,)) for `step`. [main]

    Raises ValueError naming the array if `weights` is not what `shapes` describes; besides those
    there may be a temperature (2,).
    """
    if "output_bias" not in weights:
        raise ValueError("the weights lack the array 'output_bias'")
    classes = len(weights["output_bias"])
    if not 2 <= classes <= MAX_CLASSES:
        raise ValueError(f"a network must have 2 to {MAX_CLASSES} classes, got {classes}")
    w = {}
    for name, shape in shapes(classes).items():
        if name not in weights:
            raise ValueError(f"the weights lack the array '{name}'")
        w[name] = np.asarray(weights[name], np.float64)
        if w[name].shape != shape:
            raise ValueError(f"the array '{name}' must have shape {shape}, got {w[name].shape}")
        if not np.isfinite(w[name]).all():
            raise ValueError(f"the array '{name}' must hold finite numbers")
    temperature = np.asarray(weights.get("temperature", np.ones(2)), np.float64)
    fits = (temperature >= LEAST) & (temperature <= MOST)
    if temperature.shape != (2,) or not fits.all():
        raise ValueError(
            f"the array 'temperature' must be two numbers of {LEAST} to {MOST}, got {temperature}"
        )
    table = w["embedding"] @ w["input_0"].T
    table[PITCH : PITCH + 128] += np.outer(frequencies(), w["input_0"] @ w["frequency"])
    table[PITCH : PITCH + 128] += w["bias_0"]  # every note has just one pitch
    parts = [table, w["recurrent_0"].T]
    for layer in range(1, LAYERS):
        parts += [w[f"bias_{layer}"], w[f"input_{layer}"].T, w[f"recurrent_{layer}"].T]
    parts += [w["output"].T, w["output_bias"], temperature]
    flat = np.concatenate([part.ravel() for part in parts]).astype(np.float32)
    return flat, np.zeros(STATE_SIZE, np.float32), new_memory(rate_hz, classes)


def random_weights(classes: int, seed: int) -> dict[str, np.ndarray]:
    """Return weights of an untrained network: for tests and benchmarks. [any]"""
    random = np.random.default_rng(seed)
    scale = HIDDEN**-0.5
    return {
        name: random.uniform(-scale, scale, shape).astype(np.float32)
        for name, shape in shapes(classes).items()
    }


def frequencies() -> np.ndarray:
    """Return every key's fundamental relative to that of key 108, the piano's highest. [any]"""
    return 2.0 ** ((np.arange(128) - 108) / 12)


@rt
def reset_network(state, memory):
    """Forget everything played so far. [audio]"""
    for i in range(state.size):
        state[i] = 0.0
    reset_memory(memory)


@rt
def keep_past(state, memory):
    """Keep what the network knows now, before the first note of a chord. [audio]"""
    for i in range(2 * _CELLS):
        state[_KEPT + i] = state[i]
    keep_memory(memory)


@rt
def go_back(state, memory):
    """Know again only what was known at keep_past; the present is kept instead. [audio]"""
    for i in range(2 * _CELLS):
        state[i], state[_KEPT + i] = state[_KEPT + i], state[i]
    swap_memory(memory)


@rt
def return_to_present(state, memory):
    """Undo go_back and whatever was stepped and remembered since. [audio]

    What was kept is used up: keep_past comes before the next go_back.
    """
    go_back(state, memory)


@rt
def step(weights, state, memory, pitch, onset_frame, logp):
    """Advance by one note, its onset in stream frames; write log-probabilities. [audio]

    logp (K,) float32, K as in the weights; of the classes that play (memory's `absent`) they sum to
    one. The note is remembered as struck (a caller must not
    call remember_note_on for it as well), its likeliest class as its own for now; its key's
    release is told by remember_note_off.
    """
    row = memory[0].tokens
    revise_chord(memory, onset_frame)
    count = write_features(memory, pitch, onset_frame, row)
    remember_note_on(memory, pitch, onset_frame)
    advance(weights, state, row, count, logp)
    leave_out_absent(memory, logp)
    believe(memory, logp)


@rt
def temperature_of(weights, together):
    """Return by what the differences between a network's log-probabilities are divided: of a note
    alone, or of a chord's notes `together`. [audio]"""
    return np.float64(weights[weights.size - (1 if together else 2)])


@fast
def advance(weights, state, row, count, logp):
    """Advance by a note given as its tokens; write log-probabilities. [audio]"""
    gates = state[_SCRATCH : _SCRATCH + GATES]
    for g in range(GATES):
        gates[g] = weights[row[0] * GATES + g]
    for i in range(1, count):
        start = row[i] * GATES
        for g in range(GATES):
            gates[g] += weights[start + g]
    first = tokens(logp.size) * GATES
    _accumulate(weights, first, state[:HIDDEN], gates)
    _cells(state, 0, gates)
    for layer in range(1, LAYERS):
        start = first + (_SECOND if layer == 1 else _THIRD)
        for g in range(GATES):
            gates[g] = weights[start + g]
        below = (layer - 1) * HIDDEN  # the layer below now, then this layer as it was
        _accumulate(weights, start + GATES, state[below : below + 2 * HIDDEN], gates)
        _cells(state, layer, gates)
    _log_softmax(weights[first + _OUTPUT :], state[(LAYERS - 1) * HIDDEN : LAYERS * HIDDEN], logp)


@fast
def _accumulate(weights, start, inputs, gates):
    """Add inputs @ weights[start:] to the gates, eight inputs a pass. [audio]"""
    for row in range(0, inputs.size, 8):
        a0 = inputs[row]
        a1 = inputs[row + 1]
        a2 = inputs[row + 2]
        a3 = inputs[row + 3]
        a4 = inputs[row + 4]
        a5 = inputs[row + 5]
        a6 = inputs[row + 6]
        a7 = inputs[row + 7]
        w = weights[start + row * GATES : start + (row + 8) * GATES]
        for g in range(GATES):
            gates[g] += (
                a0 * w[g]
                + a1 * w[GATES + g]
                + a2 * w[2 * GATES + g]
                + a3 * w[3 * GATES + g]
                + a4 * w[4 * GATES + g]
                + a5 * w[5 * GATES + g]
                + a6 * w[6 * GATES + g]
                + a7 * w[7 * GATES + g]
            )


@fast
def _cells(state, layer, gates):
    """Turn a layer's gates into its new cell and hidden values. [audio]"""
    hidden = state[layer * HIDDEN : (layer + 1) * HIDDEN]
    cell = state[_CELLS + layer * HIDDEN : _CELLS + (layer + 1) * HIDDEN]
    for j in range(HIDDEN):
        keep = _sigmoid(gates[HIDDEN + j]) * cell[j]
        cell[j] = keep + _sigmoid(gates[j]) * _tanh(gates[2 * HIDDEN + j])
        hidden[j] = _sigmoid(gates[3 * HIDDEN + j]) * _tanh(cell[j])


@fast
def _log_softmax(output, hidden, logp):
    """Write log-probabilities: output, its bias behind it, of a layer's hidden values. [audio]"""
    classes = logp.size
    top = np.float32(-1e30)
    for k in range(classes):
        value = output[HIDDEN * classes + k]
        for j in range(HIDDEN):
            value += hidden[j] * output[j * classes + k]
        logp[k] = value
        top = max(top, value)
    total = np.float32(0.0)
    for k in range(classes):
        total += np.exp(logp[k] - top)
    log_total = top + np.log(total)
    for k in range(classes):
        logp[k] -= log_total


@fast
def _tanh(x):
    """tanh as a quotient of polynomials fitted to [-9.2, 9.2]: a float32 rounding off. [any]

    In float64: in float32 the error is ten times that, and a cell adds it up over many notes.
    """
    y = np.float64(min(max(x, np.float32(-9.2)), np.float32(9.2)))
    s = y * y
    top = 0.9999999997630019 + s * (
        0.14089781247969907
        + s
        * (
            0.004413407293593038
            + s * (4.195251190449002e-05 + s * (1.0935526682816344e-07 + s * 3.563031282291302e-11))
        )
    )
    bottom = 1.0 + s * (
        0.47423114468478333
        + s
        * (
            0.02915712374764956
            + s * (0.0004984273309036678 + s * (2.574173409479452e-06 + s * 2.8842930044332343e-09))
        )
    )
    return np.float32(y * top / bottom)


@fast
def _sigmoid(x):
    return np.float32(0.5) + np.float32(0.5) * _tanh(np.float32(0.5) * x)
