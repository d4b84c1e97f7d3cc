"""What somebody wants to be told of."""

from __future__ import annotations

from config.model import Spec
from config.schedule import Duration
from config.share import Share


class Alerts(Spec):
    """Beyond which measure a batch, or a pipeline that lags, is told of by an event.

    Attributes:
        quarantine_share: Of the records that a batch read, those that were quarantined; None for no alert.
        lag: The age of the oldest file that waits; None for no alert.
    """

    quarantine_share: Share | None = None
    lag: Duration | None = None
