"""Values as short text for people, as `pipelines.reports.plain_text` makes them."""

from __future__ import annotations

from pipelines.reports.plain_text import counted, duration, moment, printable, size, whole

__all__ = ["counted", "duration", "moment", "printable", "size", "whole"]
