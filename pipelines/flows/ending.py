"""Flows whose runs end in a state that says what was done, or what is wrong and what to do about it."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from typing import Any, Final, ParamSpec

from prefect import Flow, State, get_run_logger
from prefect.events import emit_event
from prefect.exceptions import ParameterTypeError, TerminationSignal
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from config.errors import InvalidValueError, PenstockError
from pipelines.flows.leaving import leave_early
from storage.errors import ConcurrentRunError

P = ParamSpec("P")

RUN_ENDED: Final = "penstock.run.ended"
HANDED_OVER: Final = "HandedOver"
"""Name of the state of a run that met another one of its pipeline; its type is COMPLETED: nobody need act."""

_log = logging.getLogger(__name__)


def as_flow(run: Callable[P, State[Any]]) -> Flow[P, State[Any]]:
    """A flow with the name and the parameters of `run`; its runs bear the name of their pipeline at first.

    An error of ours ends a run in the state Failed with the message of the error; what is none is a defect,
    told in full in the log. Called in Python, the flow raises it. None of it reaches Prefect's engine, which
    would write it to a file as the result of the run.
    """

    @functools.wraps(run)
    def told(*args: P.args, **kwargs: P.kwargs) -> State[Any]:
        given = inspect.signature(run).bind(*args, **kwargs).arguments
        try:
            # mypy: what was validated has the names and types of the parameters
            return run(**flow.validate_parameters(given))  # type: ignore[call-arg]
        except (Exception, TerminationSignal) as error:  # noqa: BLE001 - each ends the run in a state
            leave_early()
            return _failed_by(error)
        finally:
            _tell_end()

    # Prefect would look for the names of types among those of this module.
    vars(told).update(__signature__=inspect.signature(run, eval_str=True))
    flow = Flow(
        told,
        name=run.__name__,
        description=(inspect.getdoc(run) or "").partition("\n\nArgs:")[0],
        flow_run_name=f"{run.__name__} {{pipeline}}",
        validate_parameters=False,
        persist_result=False,
        result_serializer="json",
    )
    return flow


def _tell_end() -> None:
    """An event that the run is over, for the automation that waits for runs which died without a word.

    Prefect's own events of a run that a schedule planned come to automations a quarter of an hour late: they
    are held back for the event of its planning, which there is none of.
    """
    if flow_run.id:
        emit_event(RUN_ENDED, resource={"prefect.resource.id": f"prefect.flow-run.{flow_run.id}"})


def _failed_by(error: Exception | TerminationSignal) -> State[Any]:
    match error:
        case TerminationSignal():
            raise error
        case PenstockError():
            return failed(error)
        case ParameterTypeError():
            return failed(InvalidValueError(str(error)))
    get_run_logger().error("an error that Penstock did not expect: please report it", exc_info=error)
    return Failed(message=f"{type(error).__name__}: {error}", data=error)


def done(message: str, result: object = None) -> State[Any]:
    """The state of a run that did what it was to do; `result` is what a caller in Python gets."""
    get_run_logger().info(message)
    return Completed(message=message, data=result)


def failed(error: PenstockError) -> State[Any]:
    """The state of a run that did not, with the whole message of `error`."""
    get_run_logger().error(str(error))
    _log.debug("the error in full", exc_info=error)
    return Failed(message=str(error), data=error)


def handed_over(error: ConcurrentRunError, message: str, result: object = None) -> State[Any]:
    """The state of a run that leaves what is left to the one that was faster; `message` says what it did."""
    whole = f"{message}; the rest is left to another run of this pipeline, which goes on: {error}"
    get_run_logger().warning(whole)
    return Completed(name=HANDED_OVER, message=whole, data=result)
