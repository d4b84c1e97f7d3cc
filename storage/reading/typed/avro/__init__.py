"""Avro object container files, decoded here: other readers lack types, or change what they do not know.

container ──► blocks, decompressed ──► kernel: rows checked and counted, then filled in ──► Arrow columns
"""

from storage.reading.typed.avro.rows import read

__all__ = ["read"]
