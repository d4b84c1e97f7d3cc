"""How well a column is clustered: how many row groups, or files, a lookup of one value must read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def lookup_reads(
    start: NDArray[np.float64], end: NDArray[np.float64], rows: NDArray[np.float64]
) -> float | None:
    """The mean number of ranges that a value lies in, where the value is that of any row.

    The values of each range are taken as spread evenly from its start to its end, as nobody knows better. 1
    where ranges do not overlap; the number of ranges where each spans them all. None without a range.

    Args:
        start: Of each range; none is NaN.
        end: Of each range, not before its start.
        rows: In each range, which its values weigh; all alike where there are none.
    """
    if not len(start):
        return None
    points = np.unique(np.concatenate([start, end]))
    ends, starts = np.sort(end), np.sort(start)
    begun = np.searchsorted(starts, points, "right")
    between = begun - np.searchsorted(ends, points, "right")  # over the gap behind each point
    area = np.concatenate([[0.0], np.cumsum(between[:-1] * np.diff(points))])
    at = begun - np.searchsorted(ends, points, "left")  # on each point itself
    first, last = np.searchsorted(points, start), np.searchsorted(points, end)
    width = end - start
    is_point = width <= 0
    depth = np.where(is_point, at[first], (area[last] - area[first]) / np.where(is_point, 1, width))
    return float(np.average(depth, weights=rows if rows.sum() > 0 else None))
