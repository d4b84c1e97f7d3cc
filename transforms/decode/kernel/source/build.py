"""The kernel's source into one object file of machine code for this processor."""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm

from transforms.decode.kernel.source import (
    base64,
    copies,
    csv_frames,
    csv_tokens,
    dictionaries,
    json_frames,
    numbers,
    records,
    strings,
    times,
    tokens,
    verdicts,
)
from transforms.decode.kernel.source.compiled import ENTRIES

PARTS = (
    base64,
    copies,
    dictionaries,
    csv_frames,
    csv_tokens,
    json_frames,
    numbers,
    records,
    strings,
    times,
    tokens,
    verdicts,
)
"""Importing them fills ENTRIES."""


def object_code() -> bytes:
    """An object file in which each entry point is a function of its plain name, by Numba's own convention.

    That is `int32 f(int64 *result, void *unused, int64 arguments…)`; what it returns is always 0, since
    nothing here raises (https://numba.readthedocs.io/en/stable/developer/architecture.html).
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly("")
    for entry in ENTRIES:
        module.link_in(_module(entry))
    target = llvm.Target.from_triple(llvm.get_process_triple())
    machine = target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, reloc="pic"
    )
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    code: bytes = machine.emit_object(module)
    return code


def _module(entry: Any) -> Any:
    (text,) = entry.inspect_llvm().values()
    (symbol,) = (
        function.name
        for function in llvm.parse_assembly(text).functions
        if not function.is_declaration and function.linkage == llvm.Linkage.external
    )
    return llvm.parse_assembly(text.replace(symbol, entry.__name__))
