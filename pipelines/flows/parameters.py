"""The types of the parameters of flows: the form in the Prefect UI has their bounds, wrong ones are refused.

Everyone who can reach the Prefect API can read them: names and numbers only, no paths and no secrets. What
each means stands in the docstring of the flow, where Prefect takes it from.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from config.names import PIPELINE_NAME, check_pipeline_name

PipelineName = Annotated[
    str, Field(json_schema_extra={"pattern": f"^{PIPELINE_NAME}$"}), AfterValidator(check_pipeline_name)
]
MaxBatches = Annotated[int, Field(ge=1, le=1_000_000)]
FilePattern = Annotated[str, Field(min_length=1, max_length=1000)]
