"""Reading groups' counts: cumulated, and searched in many samples at once."""

import numpy as np

from easyhard.evaluation.curve import before, first_reaching, make_curve, ratio


def test_by_hand() -> None:
    curve = make_curve(np.array([[2.0, 0.0], [1.0, 4.0], [3.0, 0.0]]), np.zeros(3, dtype=bool))
    assert curve.reached.tolist() == [[2, 0], [3, 4], [6, 4]]
    assert curve.harder.tolist() == [[1, 0], [2.5, 2], [4.5, 4]]
    assert curve.total.tolist() == [6, 4]


def test_the_search_finds_what_a_plain_one_finds() -> None:
    random = np.random.default_rng(0)
    for groups in (1, 2, 3, 17, 64, 65):
        reached = np.cumsum(random.integers(0, 4, (groups, 9)), axis=0).astype(float)
        wanted = random.uniform(0, 1, (5, 9)) * reached[-1]
        wanted[0] = reached[-1]
        wanted[1] = 0
        found = first_reaching(reached, wanted)
        for sample in range(9):
            assert found[:, sample].tolist() == np.searchsorted(reached[:, sample], wanted[:, sample]).tolist()
            for place, group in enumerate(found[:, sample]):
                assert before(reached, found)[place, sample] == (reached[group - 1, sample] if group else 0)


def test_a_share_of_nothing_is_undefined() -> None:
    assert np.array_equal(
        ratio(np.array([1.0, 0.0, 3.0]), np.array([2.0, 0.0, 0.0])), [0.5, np.nan, np.nan], equal_nan=True
    )
