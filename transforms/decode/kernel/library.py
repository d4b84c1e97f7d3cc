"""The compiled kernel: machine code that is made once per machine and version, and then only loaded.

Compiling takes Numba ten seconds; loading what it made takes llvmlite a few milliseconds, and saves the
half second that importing Numba costs each process.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import tempfile
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numpy as np

SOURCE = Path(__file__).parent
CHECKSUM_BYTES = 32

_log = logging.getLogger(__name__)
_loading = Lock()


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
        """Calls an entry point of the `source` folder with numbers, and arrays as their addresses."""
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
    with _loading:
        return _kernel(_stored_at())


def call(name: str, *arguments: Any) -> int:
    """Calls an entry point of the kernel; see `Kernel.call`."""
    return kernel().call(name, *arguments)


def _kernel(stored: Path | None) -> Kernel:
    code = _read(stored) if stored else None
    if code is None:
        _log.info("compiling the decoder for this processor, once: about ten seconds")
        code = _compile()
        if stored:
            _store(stored, code)
    return Kernel(code)


def _compile() -> bytes:
    from transforms.decode.kernel.source.build import object_code  # imports Numba: only where it must

    return object_code()


def _stored_at() -> Path | None:
    """A file below `XDG_CACHE_HOME`, by default `~/.cache`; None for a user without a home."""
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        return None
    return home / "penstock" / f"kernel-{_version()}.o"


def _version() -> str:
    """A name for the source, the compiler and the processor."""
    digest = hashlib.sha256()
    for part in sorted(SOURCE.rglob("*.py")):
        digest.update(part.read_bytes())
    for fact in (llvmlite.__version__, llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()):
        digest.update(fact.encode())
    return digest.hexdigest()[:20]


def _read(path: Path) -> bytes | None:
    """What `_store` wrote; None where there is nothing, or not what it wrote: LLVM aborts on broken code."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    checksum, code = content[:CHECKSUM_BYTES], content[CHECKSUM_BYTES:]
    return code if hashlib.sha256(code).digest() == checksum else None


def _store(path: Path, code: bytes) -> None:
    """Writes the file whole or not at all; where the home is read-only, each process compiles anew."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(hashlib.sha256(code).digest() + code)
        Path(file.name).replace(path)
    except OSError as error:
        _log.info("the compiled decoder cannot be kept at %s: %s", path, error)
