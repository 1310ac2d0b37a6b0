"""What is resampled: whole documents, because tokens of one document are not independent; sequences where few are."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easyhard.errors import InputError

FEWEST_DOCUMENTS: Final = 20
"""With fewer documents than this, their spread says too little about documents to come."""


@dataclass(frozen=True)
class Clusters:
    """The resampling unit of each token: `index` (tokens,), in 0 … count − 1, every one of them there.

    `are_documents` says whether the units are documents; otherwise they are sequences.
    """

    index: NDArray[np.int32]
    count: int
    are_documents: bool


def make_clusters(document: ArrayLike, sequence: ArrayLike) -> Clusters:
    """Return documents as resampling units, or sequences when there are fewer than 20 documents.

    document, sequence: (tokens,), integers; a sequence's number may come again in another document. Raises InputError
    when they differ in length or there is only one sequence: then nothing is known about the spread.
    """
    documents, sequences = np.asarray(document), np.asarray(sequence)
    if documents.shape != sequences.shape or documents.ndim != 1:
        raise InputError(
            f"sequence: shape {sequences.shape}; that of document, {documents.shape}, one number a token, is wanted"
        )
    _, index = np.unique(documents, return_inverse=True)
    are_documents = len(index) > 0 and index.max() + 1 >= FEWEST_DOCUMENTS
    if not are_documents:
        _, index = np.unique(np.stack([documents, sequences]), axis=1, return_inverse=True)
    count = int(index.max(initial=-1)) + 1
    if count < 2:
        raise InputError(f"sequence: {count} of them to judge on; two at least are wanted for an interval")
    return Clusters(index.astype(np.int32), count, bool(are_documents))
