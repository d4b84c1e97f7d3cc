"""What was seen in the values of one column, field or list element of a sample."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal

from transforms.inference.numbers import Numbers
from transforms.inference.texts import Texts

Kind = Literal["boolean", "number", "text", "object", "array"]

# Below this depth a contract would be no help, and the stack has an end.
_DEEPEST: Final = 16


@dataclass(slots=True)
class Observed:
    """Counts over the values of one place, null included.

    Attributes:
        values: How many values there were, nulls included; a missing field is no value.
        kinds: How many of each kind, without nulls.
        fields: What was seen in the fields of objects, in the order of first sight.
        element: What was seen in the elements of arrays; None where all were empty.
        opaque: Why nobody should look into these values; empty where they are as they look.
    """

    values: int = 0
    nulls: int = 0
    kinds: dict[Kind, int] = field(default_factory=dict)
    numbers: Numbers = field(default_factory=Numbers)
    texts: Texts = field(default_factory=Texts)
    fields: dict[str, Observed] = field(default_factory=dict)
    element: Observed | None = None
    opaque: str = ""

    def see(self, value: object, depth: int = 0) -> None:
        """Counts one value: what `json.loads` gives, with fractions as `Decimal`."""
        self.values += 1
        match value:
            case None:
                self.nulls += 1
            case bool():
                self._count("boolean")
            case int() | Decimal():
                self._count("number")
                self.numbers.see(value)
            case str():
                self._count("text")
                self.texts.see(value)
            case dict():
                self._count("object")
                self._see_fields(value, depth)
            case list():
                self._count("array")
                self._see_elements(value, depth)

    def is_always(self, places: int) -> bool:
        """Whether there was a value, and no null, in each of `places`."""
        return self.values - self.nulls == places > 0

    def _count(self, kind: Kind) -> None:
        self.kinds[kind] = self.kinds.get(kind, 0) + 1

    def _see_fields(self, value: dict[str, object], depth: int) -> None:
        if depth == _DEEPEST:
            self.opaque = "nested too deep"
            return
        for name, inner in value.items():
            if name not in self.fields:
                self.fields[name] = Observed()
            self.fields[name].see(inner, depth + 1)

    def _see_elements(self, value: list[object], depth: int) -> None:
        if depth == _DEEPEST:
            self.opaque = "nested too deep"
            return
        for inner in value:
            if self.element is None:
                self.element = Observed()
            self.element.see(inner, depth + 1)
