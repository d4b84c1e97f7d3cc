"""The decorators under which the kernel is compiled to machine code.

An entry point takes and gives 64-bit integers only: numbers and addresses. Inside, memory goes by address
too: an array as an argument costs an atomic reference count per call, which made the tokenizer four times
slower. Nothing here allocates, raises or holds the GIL.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit, types

Function = TypeVar("Function", bound=Callable[..., Any])

OPTIONS: dict[str, Any] = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}

ENTRIES: list[Any] = []
"""The entry points, compiled, in the order of their definition."""


def compiled(function: Function) -> Function:
    """A part of the kernel, for other parts to call; its types are those of its callers."""
    return cast(Function, njit(**OPTIONS)(function))


def entry(function: Function) -> Function:
    """A part of the kernel that `transforms.decode.kernel.library` calls by its name."""
    signature = types.int64(*[types.int64] * len(inspect.signature(function).parameters))
    ENTRIES.append(njit(signature, **OPTIONS)(function))
    return cast(Function, ENTRIES[-1])
