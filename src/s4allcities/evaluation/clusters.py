"""Were the detections of one event put together, and only those: B-cubed."""

from collections import Counter
from collections.abc import Hashable, Sequence

from msgspec import Struct

__all__ = ("BCubed", "b_cubed")


class BCubed(Struct, frozen=True, kw_only=True):
    """``precision``: of what an item was put together with, the share that belongs with it (purity). ``recall``: of
    what belongs with it, the share that was put there (completeness). ``f`` is their harmonic mean.
    """

    precision: float
    recall: float
    f: float
    items: int


def b_cubed(truth: Sequence[Hashable], found: Sequence[Hashable]) -> BCubed:
    """Compare two partitions of the same items, each given as the name of every item's cluster.

    Means over items (Bagga, Baldwin, ACL 1998); it fulfils the four formal constraints of Amigo et al. (Information
    Retrieval 12, 2009), which pair counting, purity and mutual information do not. An item that the system left out
    must be given as a cluster of its own. O(N).

    :raises ValueError: the lengths differ, or there is no item.

    >>> b_cubed(["fire", "fire", "fire", "bag"], [1, 1, 2, 2]).f
    0.7058823529411765
    """
    if len(truth) != len(found) or not truth:
        raise ValueError(f"{len(truth)} and {len(found)} items; both must be the same number, above 0")
    both = Counter(zip(truth, found, strict=True))
    true_size, found_size = Counter(truth), Counter(found)
    precision = sum(n * n / found_size[f] for (_, f), n in both.items()) / len(truth)
    recall = sum(n * n / true_size[t] for (t, _), n in both.items()) / len(truth)
    return BCubed(
        precision=precision, recall=recall, f=2 * precision * recall / (precision + recall), items=len(truth)
    )
