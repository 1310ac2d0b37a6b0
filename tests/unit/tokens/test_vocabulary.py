import random

import numpy as np
import pytest

from easyhard.tokens.vocabulary import PADDING, UNKNOWN, build_vocabulary


def test_order_of_first_sight():
    vocabulary = build_vocabulary([["b", "a", "b"], [], ["c", "a", "d"]])
    assert vocabulary.tokens == ["<unk>", "<pad>", "b", "a", "c", "d"]
    assert len(vocabulary) == 6
    assert (UNKNOWN, PADDING) == (0, 1)


def test_special_tokens_in_the_text_keep_their_ids():
    vocabulary = build_vocabulary([["x", "<unk>", "<pad>", "y"]])
    assert vocabulary.encode(["<unk>", "<pad>", "x", "y"]).tolist() == [0, 1, 2, 3]


def test_unseen_is_unknown():
    ids = build_vocabulary([["a"]]).encode(["a", "z", "a"])
    assert ids.tolist() == [2, 0, 2]
    assert ids.dtype == np.int32


def test_nothing_to_encode():
    ids = build_vocabulary([]).encode([])
    assert ids.shape == (0,)
    assert ids.dtype == np.int32


@pytest.mark.parametrize("seed", range(50))
def test_ids_give_the_tokens_back(seed):
    tokens = random.Random(seed).choices(["a", "b", "c", "d", "<unk>", "é"], k=40)
    vocabulary = build_vocabulary([tokens])
    assert [vocabulary.tokens[number] for number in vocabulary.encode(tokens)] == tokens
