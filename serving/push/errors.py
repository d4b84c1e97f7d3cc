"""The errors of pushing, told to clients as those of serving are."""

from __future__ import annotations

from serving.errors import ServingError


class PushError(ServingError):
    """A batch that is not stored; the same push fails again."""


class MismatchError(PushError):
    """The schema of a batch does not fit the contract of the pipeline."""


class ConflictError(PushError):
    """Another batch was pushed under the same id."""


class UnfinishedError(PushError):
    """The client ended before it said that the batch was complete; nothing of it is stored."""
