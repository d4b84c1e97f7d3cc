"""What files are read as."""

from __future__ import annotations

from storage.reading.block_builder import Block, Damage
from storage.reading.rows import Rows

Item = Block | Rows | Damage
"""Whole records as text, rows with types of their own, or what cannot be read."""
