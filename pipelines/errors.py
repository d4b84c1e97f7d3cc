"""The errors of pipelines.

PipelineError                  base of all of them; final: the same call fails again
├── ProposalError              no pipeline can be proposed for a landing zone
├── NotConservedError          records went in that came out nowhere: a defect, nothing was committed
├── ReplayError                a pipeline whose refused records cannot be taken in one by one
├── BackfillError              landed files that cannot be taken in again as asked
├── UndoError                  a batch that there is no undo for, or not before another
├── DeploymentError            no Prefect server, or one that refuses what it is asked for
├── InspectionError            a file that cannot be looked at: damaged, of no known format, or too large
├── QueryError                 a condition or a column that a table cannot be asked for
├── ServiceError                a part of the service cannot start, or ended
├── ClusterError               a Dask cluster that does not answer, or loses its workers
└── StoppedError               the run was asked to stop
"""

from __future__ import annotations

from config.errors import PenstockError


class PipelineError(PenstockError):
    """A batch cannot be taken in."""


class ProposalError(PipelineError):
    """No pipeline can be proposed for a landing zone: nothing is there, or nothing that can be read."""


class NotConservedError(PipelineError):
    """The counts of a batch do not add up; it is not committed."""


class ReplayError(PipelineError):
    """Refused records cannot be taken in without the rest of their batch."""


class UndoError(PipelineError):
    """A batch cannot be undone: it is not there, is an undo itself, or another must be undone first."""


class DeploymentError(PipelineError):
    """The Prefect server cannot be reached, or refuses what it is asked for."""


class BackfillError(PipelineError):
    """Landed files cannot be taken in again as asked, because some are gone, or there are none."""


class QueryError(PipelineError):
    """What was asked of a table is no condition over its rows, or names a column that it has not."""


class InspectionError(PipelineError):
    """A file cannot be looked at: it is damaged, of an unknown format, or wants too much memory."""


class ServiceError(PipelineError):
    """A part of the service cannot start, or ended although nobody asked it to."""


class ClusterError(PipelineError):
    """A Dask cluster cannot be reached, has no workers, or lost a group of files again and again."""


class StoppedError(PipelineError):
    """The run was asked to stop; the next run takes up the batch that was under way."""
