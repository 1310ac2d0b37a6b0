"""The machinery under the logit functions."""

import pytest
import torch

from easyhard.logits.tiles import TargetColumns, each, product, spans

CPU = torch.device("cpu")


def test_spans_cover_everything_once() -> None:
    assert spans(5, 2) == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert spans(4, 2) == [slice(0, 2), slice(2, 4)]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_each_keeps_order_and_runs_on_one_thread_without_gradients(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    seen = list(each(lambda item: (item, torch.get_num_threads(), torch.is_grad_enabled()), range(50), CPU))
    after = torch.get_num_threads()
    torch.set_num_threads(before)
    assert seen == [(item, 1, False) for item in range(50)]
    assert after == threads


def test_each_hands_on_errors() -> None:
    with pytest.raises(ZeroDivisionError):
        list(each(lambda item: 1 / item, [1, 0, 2], CPU))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_product_with_and_without_a_summand(dtype: torch.dtype) -> None:
    rows, columns, plus = (torch.randn(shape, dtype=dtype) for shape in ((5, 7), (11, 7), (5, 11)))
    torch.testing.assert_close(product(rows, columns), rows @ columns.T)
    torch.testing.assert_close(product(rows, columns, plus), rows @ columns.T + plus)
    torch.testing.assert_close(product(rows, columns.T.contiguous().T), rows @ columns.T)


def test_target_columns_name_every_target_once() -> None:
    targets = torch.tensor([9, 0, 4, 9, 5])
    columns = TargetColumns(targets, words=10, tile_words=4)
    found = {}
    for number in range(3):
        rows, inside = columns.of(number)
        assert bool(((inside >= 0) & (inside < 4)).all())
        found |= dict(zip(rows.tolist(), (inside + 4 * number).tolist(), strict=True))
    assert [found[row] for row in range(5)] == targets.tolist()
