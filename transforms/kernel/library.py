"""The compiled kernel: machine code that is made once per machine and version, and then only loaded.

Compiling takes Numba ten seconds; loading what it made takes llvmlite a few milliseconds, and saves the
half second that importing Numba costs each process.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numpy as np

SOURCE = Path(__file__).parent


class Kernel:
    """The loaded kernel. Its functions may be called from several threads at once and do not hold the GIL."""

    def __init__(self, code: bytes) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine()
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        self._functions: dict[tuple[str, int], Any] = {}

    def call(self, name: str, *arguments: Any) -> int:
        """Calls an entry point of `transforms.kernel.source` with numbers, and arrays as their addresses."""
        function = self._function(name, len(arguments))
        result = ctypes.c_int64()
        function(ctypes.byref(result), None, *map(_argument, arguments))
        return result.value

    def _function(self, name: str, arity: int) -> Any:
        key = name, arity
        if key not in self._functions:
            address = self._engine.get_function_address(name)
            if not address:
                raise LookupError(f"the kernel has no entry point {name}")
            kinds: list[Any] = [ctypes.POINTER(ctypes.c_int64), ctypes.c_void_p, *[ctypes.c_int64] * arity]
            self._functions[key] = ctypes.CFUNCTYPE(ctypes.c_int32, *kinds)(address)
        return self._functions[key]


def _argument(value: Any) -> int:
    return value.ctypes.data if isinstance(value, np.ndarray) else int(value)


@cache
def kernel() -> Kernel:
    """The kernel of this source for this processor; compiled at the first call on a machine."""
    stored = _cache_folder() / f"kernel-{_version()}.o"
    try:
        return Kernel(stored.read_bytes())
    except FileNotFoundError:
        code = _compile()
    with contextlib.suppress(OSError):  # a read-only home: each process compiles anew
        _store(stored, code)
    return Kernel(code)


def call(name: str, *arguments: Any) -> int:
    """Calls an entry point of the kernel; see `Kernel.call`."""
    return kernel().call(name, *arguments)


def _compile() -> bytes:
    from transforms.kernel.source.build import object_code  # imports Numba: only where it must

    return object_code()


def _cache_folder() -> Path:
    """`penstock` below `XDG_CACHE_HOME`, by default `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "penstock"


def _version() -> str:
    """A name for the source, the compiler and the processor."""
    digest = hashlib.sha256()
    for part in sorted(SOURCE.rglob("*.py")):
        digest.update(part.read_bytes())
    for fact in (llvmlite.__version__, llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()):
        digest.update(fact.encode())
    return digest.hexdigest()[:20]


def _store(path: Path, code: bytes) -> None:
    """Writes the file at once and whole: other processes may be looking for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(code)
    Path(file.name).replace(path)
