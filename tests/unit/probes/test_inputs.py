"""What probes ask of their inputs, and random parts of tokens."""

import pytest
import torch

from easyhard.errors import InputError
from easyhard.probes.inputs import check_inputs, random_parts


def test_founding_sizes() -> None:
    assert [len(part) for part in random_parts(65_536, (0.15, 0.15), 42)] == [9_831, 9_831, 45_874]
    assert [len(part) for part in random_parts(65_536, (0.2,), 42)] == [13_108, 52_428]


def test_parts_cover_every_token_once_and_depend_on_the_seed_alone() -> None:
    parts = random_parts(1_000, (0.15, 0.15), 1)
    assert torch.equal(torch.cat(parts).sort().values, torch.arange(1_000))
    again, other = random_parts(1_000, (0.15, 0.15), 1), random_parts(1_000, (0.15, 0.15), 2)
    assert torch.equal(parts[0], again[0])
    assert not torch.equal(parts[0], other[0])


def test_a_whole_share_is_not_rounded_up_by_float_error() -> None:
    assert 0.07 * 100 > 7  # what the rounding is for
    assert [len(part) for part in random_parts(100, (0.07,), 0)] == [7, 93]


def test_too_few_tokens() -> None:
    with pytest.raises(InputError, match=r"tokens: 2 parted by shares .* leaves a part empty"):
        random_parts(2, (0.15, 0.15), 0)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_non_finite_values_name_their_argument(value: float) -> None:
    hidden, loss = torch.ones(4, 3), torch.ones(4)
    loss[2] = value
    with pytest.raises(InputError, match="loss: 1 of 4 values are not finite"):
        check_inputs(hidden, "loss", loss)
    hidden[1, 1] = value
    with pytest.raises(InputError, match="hidden: 1 of 12 values are not finite"):
        check_inputs(hidden, "loss", torch.ones(4))


@pytest.mark.parametrize(("hidden", "loss"), [((4, 3), (5,)), ((4, 3), (4, 1)), ((4,), (4,)), ((1, 3), (1,))])
def test_shapes(hidden: tuple[int, ...], loss: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"(hidden|loss): shape .* is wanted"):
        check_inputs(torch.ones(hidden), "loss", torch.ones(loss))
