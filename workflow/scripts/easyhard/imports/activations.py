"""Hidden states, losses and an output head from files that another program wrote."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.exit_choice import Setting, named_exits
from easyhard.imports.readers import Array, Stored, flat, holds_one_array, kept, open_arrays
from easyhard.imports.tokens import KNOWN, check_rows, finite_float32, read_tokens
from easyhard.imports.wanted import Wanted, grid_of, laid_flat, wanted_rows
from easyhard.tables.files import label_of

ARRAYS = ("hidden", "head", "head_bias", *KNOWN, "mask", "lengths")
FLOATS = ("float16", "bfloat16", "float32", "float64")
PIECE = 1_024  # rows of all exits at a time


@dataclass(frozen=True)
class OwnActivations:
    """What the files hold: hidden (rows, d), head (words, d) and head_bias (words,) still on disk, tokens in memory.

    Rows are those that are `wanted` of all that the files have.

    Logits are z = h·w + bias, or softcap tanh(z / softcap). `tokens` are columns as `read_tokens` gives them. Where
    there are several exits, after the layers `exits`, hidden is (rows, exits, d), or the last one's and `earlier` has
    those of the others, first to last.
    """

    hidden: Stored
    earlier: Sequence[Stored]
    exits: Sequence[int]
    head: Stored
    head_bias: Stored | None
    softcap: float | None
    tokens: dict[str, Array]
    wanted: Wanted


def open_activations(files: Mapping[str, Any], *, length: int, exits: Setting | None = None) -> OwnActivations:
    """Open the arrays ARRAYS, check how they fit each other, and read all but the matrices.

    `files[array]` is the file in which an array lies, or the files of its pieces (see `open_arrays`); without one it is
    looked for in the file of `hidden`, and may be missing; other keys are passed over. `files["names"][array]` is what
    the file calls it, where that differs; a .npy file's only array needs no name. `files["head_softcap"]` is that of
    the logits, if they have one. `files["earlier"]` names the arrays of earlier exits, in the file of `hidden`; `exits`
    is what model.exits says of several. `length` is that of the sequences that rows are cut into (see `lay_out`).
    Hidden states (sequences, length, dim) are laid flat where target or loss is (sequences, length) (see `grid_of`).
    Rows whose target is `files["ignored_target"]`, or that the arrays mask and lengths do not have, are left out.
    Wanted are `hidden`, `head`, and `loss` or `target` to compute it; with exits `target` in any case. Raises
    InputError naming file, array and row, or the key that does not fit them.
    """
    found, earlier = _find(files, files.get("names", {}))
    hidden, head, bias = found["hidden"], found.get("head"), found.get("head_bias")
    if "loss" not in found and not {"target", "head"} <= set(found):
        missing = "head" if "target" in found else "target"
        raise InputError(
            f"{hidden.path}: neither loss nor {missing} is given; loss, or target and head to compute it, is wanted"
        )
    if head is None:
        raise InputError(f"{hidden.path}: no head is given; a matrix (words, dim) is wanted")
    if grid := grid_of(found):
        found, earlier = (
            laid_flat(found, grid),
            [flat(array) if array.shape[:2] == grid else array for array in earlier],
        )
        hidden = found["hidden"]
    layers = _layers_of(hidden, earlier, exits)
    if layers and "target" not in found:
        raise InputError(f"{hidden.path}: target is not given; it is wanted for losses at model.exits")
    _check_shapes(hidden, earlier, head, bias)
    wanted = wanted_rows(found, hidden.shape[0], grid, files.get("ignored_target"))
    of_tokens = {name: found[name] for name in ("hidden", *KNOWN) if name in found}
    check_rows(of_tokens)
    if not wanted.all:
        of_tokens = {name: kept(array, wanted.rows) for name, array in of_tokens.items()}
        earlier = [kept(array, wanted.rows) for array in earlier]
    tokens = read_tokens(hidden.path, of_tokens, length=length, words=head.shape[0])
    softcap = files.get("head_softcap")
    return OwnActivations(of_tokens["hidden"], earlier, layers, head, bias, softcap, tokens, wanted)


def hidden_batches(own: OwnActivations, first: int, end: int) -> Iterator[NDArray[np.float32]]:
    """Stream the hidden states of rows first … end − 1, the last exit's, as (rows, dim) float32.

    With a bias each gets a last coordinate of 1: h·w + b = [h, 1]·[w, b]. Raises InputError naming the row where a
    number is not finite.
    """
    for part in own.hidden.read(first, end):
        hidden = finite_float32(own.hidden.label, part[:, -1] if part.ndim == 3 else part, first)
        yield hidden if own.head_bias is None else np.pad(hidden, ((0, 0), (0, 1)), constant_values=1)
        first += len(part)


def exit_batches(own: OwnActivations, first: int, end: int) -> Iterator[list[NDArray[np.float32]]]:
    """Stream the states of rows first … end − 1 at every exit, (rows, dim) float32 each, at most PIECE rows at a time.

    No coordinate is added for a bias. Raises InputError naming array and row where a number is not finite.
    """
    arrays = (*own.earlier, own.hidden)
    for parts in zip(*(array.read(first, end) for array in arrays), strict=True):
        for start in range(0, len(parts[0]), PIECE):
            states: list[NDArray[np.float32]] = []
            for array, part in zip(arrays, parts, strict=True):
                piece = finite_float32(array.label, part[start : start + PIECE], first + start)
                states += [piece] if piece.ndim == 2 else list(piece.swapaxes(0, 1).copy())
            yield states
        first += len(parts[0])


def _find(files: Mapping[str, Any], names: Mapping[str, str | None]) -> tuple[dict[str, Stored], list[Stored]]:
    """The arrays that are there, `hidden` first; and those of earlier exits."""
    main = files.get("hidden")
    if not main:
        raise InputError("input.hidden: no file; a table, an .npz, .npy or .safetensors file is wanted")
    opened = {label_of(path): open_arrays(path) for path in map(files.get, ARRAYS) if path}
    found: dict[str, Stored] = {}
    for array in ARRAYS:
        path = files.get(array)
        label = label_of(path or main)
        inside = opened[label]
        name = names.get(array) or array
        if path and holds_one_array(path):
            found[array] = next(iter(inside.values()))
        elif name in inside:
            found[array] = inside[name]
        elif path or names.get(array):
            raise InputError(
                f"input.{array}: {label} has no {name!r}, only {', '.join(inside)}; "
                f"its name there is wanted as input.names.{array}"
            )
    earlier, inside = files.get("earlier", ()), opened[label_of(main)]
    for name in earlier:
        if name not in inside:
            raise InputError(
                f"input.earlier: {label_of(main)} has no {name!r}, only {', '.join(inside)}; "
                "names of arrays there are wanted"
            )
    return found, [inside[name] for name in earlier]


def _layers_of(hidden: Stored, earlier: Sequence[Stored], setting: Setting | None) -> list[int]:
    """The layers that exits come after, as model.exits names them; none where there is one exit alone."""
    stacked = hidden.shape[1] if len(hidden.shape) == 3 else 1
    if stacked > 1 and earlier:
        raise InputError(f"input.earlier: {hidden.label} has {stacked} exits itself; either is wanted, not both")
    count = len(earlier) + stacked
    if setting is None and count > 1:
        raise InputError(
            f"{hidden.label}: states of {count} exits; the layers that they follow are wanted as model.exits"
        )
    if setting is not None and count == 1:
        raise InputError(
            f"model.exits: {setting}, but {hidden.label} has shape {hidden.shape}, that of one exit; (tokens, exits, "
            "dim), or the arrays of earlier exits as input.earlier, is wanted"
        )
    return [] if setting is None else named_exits(setting, count)


def _check_shapes(hidden: Stored, earlier: Sequence[Stored], head: Stored, bias: Stored | None) -> None:
    stacked = len(hidden.shape) == 3 and hidden.shape[1] > 1
    if len(hidden.shape) != 2 + stacked or 0 in hidden.shape:
        raise InputError(f"{hidden.label} has shape {hidden.shape}; (tokens, dim), a hidden state a token, is wanted")
    for array in earlier:
        if array.shape != hidden.shape:
            raise InputError(f"{array.label} has shape {array.shape}; {hidden.shape}, as {hidden.label}, is wanted")
    dim = hidden.shape[-1]
    if len(head.shape) != 2 or 0 in head.shape:
        raise InputError(f"{head.label} has shape {head.shape}; (words, {dim}) is wanted")
    if head.shape[1] != dim:
        hint = ", so its transpose may be it" if head.shape[0] == dim else ""
        raise InputError(
            f"{head.label} has shape {head.shape}{hint}; (words, {dim}) is wanted, dim as of {hidden.label}"
        )
    if bias is not None and bias.shape != head.shape[:1]:
        raise InputError(f"{bias.label} has shape {bias.shape}; ({head.shape[0]},), one a word of the head, is wanted")
    for array in (hidden, *earlier, head, *([bias] if bias else [])):
        if array.dtype not in FLOATS:
            raise InputError(f"{array.label} is of type {array.dtype}; {', '.join(FLOATS)} is wanted")
