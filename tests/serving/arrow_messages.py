"""The messages of Flight as Arrow's own implementation in Go has them.

The library of the ADBC driver carries them as protobuf's compiler left them: descriptors, in bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import adbc_driver_flightsql
from google.protobuf.descriptor_pb2 import FileDescriptorProto

_SYNTAX: Final = b"\x62\x06proto3"
"""The last field of a descriptor."""


def arrow_messages(file: str) -> FileDescriptorProto:
    """The descriptor of `Flight.proto` or `FlightSql.proto`."""
    start_mark = b"\x0a" + bytes([len(file)]) + file.encode() + b"\x12"
    folder = Path(adbc_driver_flightsql.__file__).parent
    (library,) = (
        path.read_bytes() for path in folder.glob("*adbc_driver_flightsql.*") if path.suffix != ".py"
    )
    start = library.index(start_mark)
    end = library.index(_SYNTAX, start) + len(_SYNTAX)
    return FileDescriptorProto.FromString(library[start:end])
