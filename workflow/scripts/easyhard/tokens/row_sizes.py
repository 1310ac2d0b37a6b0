"""How much of the text the target of each row stands for."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.tokens.encoding import TokenStream
from easyhard.tokens.sizes import TextSizes


def row_sizes(
    rows: Mapping[str, NDArray[Any]], streams: Sequence[TokenStream], sizes: TextSizes, at_most: int | None
) -> dict[str, NDArray[np.int32]]:
    """The columns `bytes` and `characters` of rows, (rows,): those of each row's target.

    rows: `document` and `target` of all rows, those of a document in the order of its text. streams: of the splits
    MEASURED, of each of which those `within` at_most tokens are measured; sizes: of all their tokens. Of a document
    whose first token nothing foretells, that one has no row. Raises InputError where rows and tokens are not of one
    text.
    """
    starts = np.append(0, np.cumsum([len(stream.token) for stream in streams]))[:-1]
    kept = [start + stream.places_within(at_most) for start, stream in zip(starts, streams, strict=True)]
    measured = np.concatenate(kept)
    token, document = (
        np.concatenate([getattr(stream, name) for stream in streams])[measured] for name in ("token", "document")
    )
    owners, first, counts = np.unique(document, return_index=True, return_counts=True)
    found = np.searchsorted(rows["document"], owners, "right") - np.searchsorted(rows["document"], owners)
    place = np.arange(len(token)) - np.repeat(first, counts)
    foretold = place >= np.repeat(counts - found, counts)
    if not np.array_equal(token[foretold], rows["target"]):
        raise InputError("activations: their targets are not the tokens of the text; delete both and rerun")
    return vars(sizes[measured][foretold])
