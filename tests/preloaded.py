"""What the processes of `tests.processes` have in common; none of it starts a thread of ours."""

import pyarrow as pa

import tests.pipelines.dying_evolution
import tests.pipelines.dying_maintenance
import tests.pipelines.dying_merge
import tests.pipelines.dying_run
import tests.pipelines.dying_undo
import tests.pipelines.racing_run
import tests.storage.tables.writing_processes  # noqa: F401 - imported for those who are forked
from transforms.decode.kernel.library import kernel

kernel()
pa.array([0])  # pyarrow looks for other libraries when it makes its first array
