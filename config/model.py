"""What all parts of a pipeline have in common."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import InitErrorDetails

from config.findings import Finding


class Spec(BaseModel):
    """A part of a pipeline: frozen, and without unknown keys."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, validate_by_alias=True, validate_by_name=True
    )


def invalid(findings: list[Finding], title: str) -> ValidationError:
    """One validation error that holds every finding under its own key path."""
    details = [
        InitErrorDetails(type="value_error", loc=path, input=error.got, ctx={"error": error})
        for path, error in findings
    ]
    return ValidationError.from_exception_data(title, details, hide_input=True)
