"""The stream of fixed memory sees what the network sees; on a GPU its graph does too."""

import pytest
import torch

from tests.training.mmt.test_evaluate import each_kind, made
from training.mmt.stream import Stream, speed


def played(stream: Stream, step, rows: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
    table, hidden = [], []
    stream.begin()
    for _ in range(rows):
        table.append(stream.row[0, 0].clone())
        step()
        hidden.append(stream.hidden[0, 0].clone())
    return torch.stack(table)[None], hidden


@each_kind
def test_a_stream_sees_what_the_whole_sequence_shows(shape):
    torch.manual_seed(0)
    network = made(shape)
    stream = Stream(network)
    rows, hidden = played(stream, stream.step, 30)
    with torch.inference_mode():
        expected, _ = network(rows)
    torch.testing.assert_close(torch.stack(hidden), expected[0], atol=1e-4, rtol=1e-4)
    assert speed(stream, stream.step, 3) > 0


@pytest.mark.gpu
@each_kind
def test_a_graph_is_the_step(shape):
    torch.manual_seed(0)
    network = made(shape).cuda()
    stream = Stream(network)
    rows, hidden = played(stream, stream.captured(), 30)
    with torch.inference_mode():
        expected, _ = network(rows)
    torch.testing.assert_close(torch.stack(hidden), expected[0], atol=1e-3, rtol=1e-3)
