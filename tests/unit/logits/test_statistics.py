"""logit_statistics: the tiled walk is no further from float64 than the plain code is, plus 1e-5."""

import pytest
import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.formulas import FORMULAS
from easyhard.logits.maxima import largest
from easyhard.logits.request import Scaled
from easyhard.logits.statistics import logit_statistics

ALL = tuple(FORMULAS)
WHOLE = ("argmax", "top_words", "target_rank")
SHAPES = [(255, 507, 123), (1, 2000, 64), (300, 33, 8), (513, 2049, 64), (7, 1025, 3)]
TOLERANCE = 1e-5  # for probabilities and nats; logit-like figures may be off by it relative to their size


def problem(tokens: int, words: int, dim: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(tokens * words + dim)
    hidden = torch.randn(tokens, dim, generator=generator).to(dtype)
    head = (2 * torch.randn(words, dim, generator=generator) / dim**0.5).to(dtype)
    return hidden, head, torch.randint(0, words, (tokens,), generator=generator)


def distance(values: Tensor, truth: Tensor) -> float:
    """Largest error; equal infinities and nan against nan count as 0."""
    values, truth = values.double(), truth.double()
    same = (values == truth) | (values.isnan() & truth.isnan())
    return float(torch.where(same, 0.0, (values - truth).abs()).max())


def assert_as_good_as_plain(
    hidden: Tensor,
    head: Tensor,
    targets: Tensor,
    names: tuple[str, ...] = ALL,
    tolerance: float = TOLERANCE,
    bias: Tensor | None = None,
    **options: object,
) -> None:
    def run(implementation: str, dtype: torch.dtype) -> dict[str, Tensor]:
        shift = None if bias is None else bias.to(dtype)
        return logit_statistics(
            hidden.to(dtype),
            head.to(dtype),
            targets,
            statistics=names,
            bias=shift,
            implementation=implementation,  # type: ignore[arg-type]
            **options,  # type: ignore[arg-type]
        )

    truth, plain = run("reference", torch.float64), run("reference", hidden.dtype)
    found = run("tiled", hidden.dtype)
    assert list(found) == list(truth)
    for name in truth:
        assert found[name].shape == truth[name].shape, name
        if name.removeprefix("scaled_") in WHOLE:
            assert torch.equal(found[name], truth[name]), name
        else:
            allowed = distance(plain[name], truth[name]) + tolerance
            assert distance(found[name], truth[name]) <= allowed, name


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", SHAPES)
def test_as_close_to_float64_as_plain(shape: tuple[int, int, int], dtype: torch.dtype) -> None:
    assert_as_good_as_plain(*problem(*shape, dtype), top_k=32, tail_thresholds=(1.0, 3.0, 5.0))


@pytest.mark.parametrize("name", ALL)
def test_each_alone(name: str) -> None:
    """Only what is asked for is computed, and it does not lean on what is not."""
    assert_as_good_as_plain(*problem(40, 1500, 16), names=(name,))


@pytest.mark.parametrize(("bias", "softcap"), [(True, None), (False, 5.0), (True, 5.0), (False, 50.0)])
def test_bias_and_softcap(bias: bool, softcap: float | None) -> None:
    hidden, head, targets = problem(300, 1500, 16)
    shift = torch.randn(1500, generator=torch.Generator().manual_seed(1)) if bias else None
    assert_as_good_as_plain(hidden, head, targets, bias=shift, softcap=softcap, tail_thresholds=(3.0, 6.0))


@pytest.mark.parametrize("temperature", [0.3, 1.7])
@pytest.mark.parametrize(
    ("bias", "softcap", "scale"), [(False, None, 1.0), (True, None, 1.0), (True, 5.0, 1.0), (False, None, 40.0)]
)
def test_at_a_temperature(bias: bool, softcap: float | None, temperature: float, scale: float) -> None:
    """Plain and scaled in one walk, each at its own thresholds."""
    hidden, head, targets = problem(300, 1500, 16)
    shift = torch.randn(1500, generator=torch.Generator().manual_seed(1)) if bias else None
    scaled = Scaled(temperature, ALL, (2.0, 5.0))
    options = {"softcap": softcap, "tail_thresholds": (3.0,), "scaled": scaled}
    tolerance = TOLERANCE * max(
        1.0, scale / temperature / 10
    )  # float32 has so much less of what large logits differ by
    assert_as_good_as_plain(scale * hidden, head, targets, tolerance=tolerance, bias=shift, **options)


def test_only_what_is_asked_at_a_temperature() -> None:
    hidden, head, targets = problem(40, 1500, 16)
    for name in ALL:
        scaled = Scaled(2.0, (name,))
        assert_as_good_as_plain(hidden, head, targets, names=("max_logit",), scaled=scaled)


@pytest.mark.parametrize("scale", [1.0, 4.0, 12.0])
def test_small_tails_keep_their_digits(scale: float) -> None:
    """Tails so small that 1 less the rest has none of their digits left."""
    hidden, head, _ = problem(400, 3000, 64)
    hidden = scale * hidden
    thresholds = (1.0, 3.0, 5.0, 8.0)

    def tails(implementation: str, dtype: torch.dtype) -> Tensor:
        found = logit_statistics(
            hidden.to(dtype),
            head.to(dtype),
            statistics=("tail_mass",),
            tail_thresholds=thresholds,
            implementation=implementation,  # type: ignore[arg-type]
        )
        return found["tail_mass"].double()

    truth, found = tails("reference", torch.float64), tails("tiled", torch.float32)
    edge = (tails("reference", torch.float32) - truth).abs()  # a word of just the threshold may be on either side
    assert bool(((found - truth).abs() <= edge + 2e-3 * truth + 1e-30).all())


@pytest.mark.parametrize("columns", [33, 64, 130, 519, 2182])
def test_largest_columns(columns: int) -> None:
    generator = torch.Generator().manual_seed(columns)
    for values in (
        torch.randn(70, columns, generator=generator),
        torch.randint(0, 9, (70, columns), generator=generator).float(),  # ties
        torch.full((70, columns), float("-inf")),
    ):
        for k in (1, 2, 10, 32, 33):
            found = largest(values, k)
            assert all(len(set(row)) == k for row in found.tolist())
            assert torch.equal(values.gather(1, found).sort(dim=1).values, values.topk(k, dim=1).values.sort(1).values)


@pytest.mark.parametrize("softcap", [None, 5.0])
def test_masked_words(softcap: float | None) -> None:
    """Words with bias -inf have no part in anything; the first tile of words is masked altogether."""
    hidden, head, targets = problem(50, 3000, 16)
    bias = torch.zeros(3000)
    bias[:1100] = bias[2000:2500] = float("-inf")
    assert_as_good_as_plain(hidden, head, targets, bias=bias, softcap=softcap)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param([1e4, -1e4, 0.0, 9e3], id="plus and minus 1e4"),
        pytest.param([1e4, 9999.0, 9998.0, 0.0], id="large and close"),
        pytest.param([60.0, 0.0, 1.0, 2.0], id="one dominant"),
        pytest.param([3e-40, 0.0, -1e-40, 2e-40], id="denormal"),
        pytest.param([-1e4, -9999.0, -9000.0, -9998.0], id="all far below zero"),
    ],
)
def test_adversarial_logits(row: list[float]) -> None:
    """hidden is 1, so the head's single column is the logits, exactly; the rest of the words lie below."""
    head = torch.full((2800, 1), min(row) - 1.0)
    head[[5, 1030, 2060, 2799], 0] = torch.tensor(row)
    names = tuple(name for name in ALL if name not in ("top_words", "argmax", "target_rank"))
    size = max(abs(value) for value in row)
    targets, tolerance = torch.tensor([5, 1030, 2060, 2799]), TOLERANCE + 1.2e-7 * size
    assert_as_good_as_plain(torch.ones(4, 1), head, targets, names, tolerance, tail_thresholds=(3.0, 6.0))


def test_all_equal_logits() -> None:
    """Every word ties: uniform, no margin, rank 1."""
    found = logit_statistics(torch.ones(3, 2), torch.ones(3000, 2), torch.tensor([0, 1500, 2999]), statistics=ALL)
    words = torch.tensor(3000.0)
    assert found["entropy"].tolist() == pytest.approx([float(words.log())] * 3, abs=1e-6)
    assert found["max_probability"].tolist() == pytest.approx([1 / 3000] * 3)
    assert found["margin"].tolist() == [0, 0, 0]
    assert found["target_rank"].tolist() == [1, 1, 1]
    assert found["tail_mass"][:, 0].tolist() == pytest.approx([1] * 3)
    assert float(found["logit_std"].abs().max()) < 1e-6


def test_two_words_tie() -> None:
    """Equal rows of the head in different tiles: margin exactly 0, the smaller word first."""
    hidden, head, _ = problem(300, 3000, 64)
    head[2999] = head[7] = 3 * hidden[11]
    found = logit_statistics(hidden, head, statistics=("margin", "argmax", "top_words"))
    assert float(found["margin"][11]) == 0.0
    assert found["top_words"][11].tolist() == [7, 2999]
    assert int(found["argmax"][11]) == 7


def test_vocabulary_of_one() -> None:
    names = tuple(name for name in ALL if not name.startswith("top_"))
    hidden, targets = torch.tensor([[2.0], [-3.0]]), torch.zeros(2, dtype=torch.int64)
    found = logit_statistics(hidden, torch.tensor([[1.5]]), targets, statistics=names)
    assert found["max_logit"].tolist() == pytest.approx([3.0, -4.5])
    assert found["max_probability"].tolist() == pytest.approx([1, 1])
    for name in ("entropy", "renyi2", "loss", "max_minus_mean", "logit_std"):
        assert found[name].tolist() == pytest.approx([0, 0], abs=1e-6), name
    assert found["margin"].tolist() == [float("inf")] * 2
    assert found["second_logit"].tolist() == [float("-inf")] * 2
    assert found["target_rank"].tolist() == [1, 1]


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_same_bits_for_any_number_of_threads(scale: float) -> None:
    hidden, head, targets = problem(1000, 5000, 64)
    results, before = [], torch.get_num_threads()
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append(logit_statistics(scale * hidden, head, targets, statistics=ALL, tail_thresholds=(3.0, 5.0)))
    torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(results[0][name], other[name]) for name in ALL)


def test_loss_is_the_cross_entropy_of_training() -> None:
    from easyhard.logits.cross_entropy import per_token_loss

    hidden, head, targets = problem(300, 5000, 64)
    found = logit_statistics(hidden, head, targets, statistics=("loss",))["loss"]
    assert torch.equal(found, per_token_loss(hidden, head, targets))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"statistics": ()}, "statistics"),
        ({"statistics": ("entropi",)}, "statistics"),
        ({"statistics": ("loss",), "targets": None}, "targets"),
        ({"bias": torch.zeros(3)}, "bias"),
        ({"bias": torch.full((40,), float("nan"))}, "bias"),
        ({"bias": torch.full((40,), float("-inf"))}, "bias"),
        ({"softcap": 0.0}, "softcap"),
        ({"top_k": 33}, "top_k"),
        ({"tail_thresholds": (0.0,)}, "tail_thresholds"),
        ({"implementation": "fast"}, "implementation"),
        ({"targets": torch.full((9,), 40)}, "targets"),
        ({"hidden": torch.full((9, 4), float("nan"))}, "hidden"),
        ({"head": torch.zeros(40, 5)}, "head"),
    ],
)
def test_bad_input_is_named(options: dict[str, object], named: str) -> None:
    hidden, head, targets = problem(9, 40, 4)
    arguments = {"hidden": hidden, "head": head, "targets": targets, "statistics": ("entropy",), **options}
    for implementation in ("auto", "reference"):
        with pytest.raises(InputError, match=f"^{named}: "):
            logit_statistics(**{"implementation": implementation, **arguments})  # type: ignore[arg-type]
