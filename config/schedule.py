"""When a deployment runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, PlainSerializer, PlainValidator, model_validator

from config.cron import parse_cron
from config.errors import InvalidValueError
from config.findings import Finding
from config.model import Spec, invalid
from config.time_zones import check_zone
from config.units import format_duration, parse_duration

_UTC: Final = "UTC"


def _zone(name: str) -> str:
    return check_zone(name, name)


Duration = Annotated[timedelta, PlainValidator(parse_duration), PlainSerializer(format_duration)]
Cron = Annotated[str, PlainValidator(parse_cron)]
TimeZone = Annotated[str, AfterValidator(_zone)]


class Schedule(Spec):
    """When a deployment runs: by a cron line, or every so often. One of the two.

    Attributes:
        cron: Five fields.
        every: From one run's beginning to the next one's.
        timezone: In which the cron line is read, an IANA name; where clocks are put forward or back, as
            Prefect does it.
    """

    cron: Cron | None = None
    every: Duration | None = None
    timezone: TimeZone = _UTC

    @model_validator(mode="after")
    def _one_of_two(self) -> Schedule:
        findings: list[Finding] = []
        if (self.cron is None) == (self.every is None):
            got = "neither" if self.cron is None else "both"
            problem = InvalidValueError("a schedule has cron or every", got=got, expected="one of the two")
            findings.append(((), problem))
        elif self.cron is None and self.timezone != _UTC:
            problem = InvalidValueError(
                "a time zone without a cron line",
                got=repr(self.timezone),
                expected="a schedule with cron",
                next_step="leave timezone out: every counts from run to run, whatever the clocks show",
            )
            findings.append((("timezone",), problem))
        if findings:
            raise invalid(findings, "schedule")
        return self
