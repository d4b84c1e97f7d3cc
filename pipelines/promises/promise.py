"""How a promise to the readers of a table stands; `pipelines.promises.check` finds it out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Promise:
    """How a promise stands.

    Attributes:
        where: As the pipeline has it.
        at_most: The share of the table's bytes that was promised, of 1.
        share: What such a query must read, at most; None where that is not known.
        kept: None where it cannot be told: without rows, or where a single row group is more than promised.
        problem: Why nothing is known; None where all went well.
    """

    where: str
    at_most: float
    share: float | None
    kept: bool | None
    problem: str | None = None

    def warning(self) -> str | None:
        """What to tell a person; None where the promise is kept, or cannot be judged yet."""
        if self.problem is not None:
            return f"readers: {self.where}: {self.problem}"
        if self.kept is not False or self.share is None:
            return None
        return (
            f"readers: {self.where} reads {self.share:.2%} of the table, more than the {self.at_most:.2%} "
            "that was promised: sort or partition by its columns, or compact"
        )
