"""Byte pairs: ids that spell any text back, learned from train alone, the same each time."""

import random
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from easyhard.tokens.bpe import byte_pairs
from easyhard.tokens.words import SPECIAL

TRAIN = ["low lower lowest newer new " * 30, "The widest river, wide and wider. " * 20]
OTHERS = ["", "Größe 日本語 🙂\n\ttabs", "<unk> and <pad> spelled out", "wider lowest"]
SMALLEST = 256 + len(SPECIAL)


def spelled(ids: np.ndarray, types: list[str]) -> str:
    """The text of ids, by GPT-2's table of printable characters for bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {chr(byte): byte for byte in printable}
    table |= {chr(256 + place): byte for place, byte in enumerate(sorted(set(range(256)) - set(printable)))}
    return bytes(table[char] for number in ids for char in types[number]).decode()


@pytest.mark.parametrize("size", [SMALLEST, 270, 280])
def test_ids_spell_every_text(size: int) -> None:
    texts = [*TRAIN, *OTHERS]
    ids, types = byte_pairs(texts, TRAIN, size)
    assert len(types) == len(set(types)) == size
    assert types[:2] == ["<unk>", "<pad>"]
    assert [spelled(own, types) for own in ids] == texts  # neither <unk> nor <pad> is in any
    assert all(own.dtype == np.int32 and (own >= 2).all() for own in ids)


def test_the_first_merges_are_the_most_frequent_pairs() -> None:
    """Sennrich's algorithm by hand on one word: the most frequent pair becomes a type, then again."""
    ids, types = byte_pairs(["ababc" * 40], ["ababc" * 40], SMALLEST + 2)
    pieces = list("ababc" * 40)
    for merged in types[SMALLEST:]:
        counts = Counter(pairwise(pieces))
        left, right = next(pair for pair in counts if "".join(pair) == merged)
        assert counts[left, right] == max(counts.values())
        joined = []
        for piece in pieces:
            joined = [*joined[:-1], merged] if joined and (joined[-1], piece) == (left, right) else [*joined, piece]
        pieces = joined
    assert [types[number] for number in ids[0]] == pieces


def test_only_train_is_learned_from_and_case_is_kept() -> None:
    _, types = byte_pairs([*TRAIN, "quixotic " * 50], TRAIN, 300)
    assert not any("qu" in token for token in types)
    assert {"The", "Ġwide"} <= set(types)


def test_a_size_beyond_what_a_text_gives() -> None:
    ids, types = byte_pairs(["once, ab ab"], ["once, ab ab"], 4096)
    assert types[SMALLEST:] == ["ab", "Ġab"]  # no other pair is seen twice
    assert len(ids[0]) == len("once,") + 2


def test_the_same_in_another_process_with_one_thread() -> None:
    rng = random.Random(1)
    text = " ".join("".join(rng.choices("aeiourstlnmp", k=rng.randint(1, 4))) for _ in range(3_000))
    code = "import sys; from easyhard.tokens.bpe import *; t = [sys.stdin.read()]; print(byte_pairs(t, t, 700))"
    environment = {"PYTHONPATH": ":".join(sys.path), "RAYON_NUM_THREADS": "1"}
    found = subprocess.run([sys.executable, "-c", code], input=text, env=environment, text=True, capture_output=True)
    assert found.stdout.strip() == str(byte_pairs([text], [text], 700))
