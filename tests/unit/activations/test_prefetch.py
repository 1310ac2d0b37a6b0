"""Prefetching changes nothing but the time: same items, same errors, never further ahead than told."""

import time
from collections.abc import Iterator

import pytest

from easyhard.activations.prefetch import prefetch


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_the_same_items_in_order(count: int) -> None:
    assert list(prefetch(iter(range(1, count + 1)))) == list(range(1, count + 1))


def test_an_error_comes_in_its_place() -> None:
    def breaks() -> Iterator[int]:
        yield 1
        raise ValueError("third")

    items = prefetch(breaks())
    assert next(items) == 1
    with pytest.raises(ValueError, match="third"):
        next(items)


def test_reading_goes_on_meanwhile_but_not_far() -> None:
    read: list[int] = []

    def reads() -> Iterator[int]:
        for item in range(1, 10):
            read.append(item)
            yield item

    items = prefetch(reads(), ahead=2)
    next(items)
    time.sleep(0.2)
    assert read == [1, 2, 3]
