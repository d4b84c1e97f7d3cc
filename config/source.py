"""Where records come from: files that land, and how they are written; or another table."""

from __future__ import annotations

import codecs
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, PlainValidator, model_validator

from config.errors import InvalidValueError
from config.findings import Finding
from config.formats import TYPED, Compression, FileFormat, Format, compression_of, delimiter_of, format_of
from config.model import Spec, invalid
from config.text_form import LINES, TextForm
from config.units import format_bytes, parse_bytes
from config.uri import parse_uri

GIB: Final = 2**30
Uri = Annotated[str, BeforeValidator(parse_uri)]
Bytes = Annotated[int, PlainValidator(parse_bytes), PlainSerializer(format_bytes)]

_OTHER_FORMATS: Final = (".orc", ".xml", ".xlsx")
"""Suffixes of formats that no decoder reads."""
_NO_ENCODINGS: Final = ("idna", "punycode", "undefined")
"""Python's text codecs that encode names of hosts, or nothing."""


def _one_byte(text: str) -> str:
    if len(text) == 1 and text.isascii() and text not in '\r\n"\0' and not text.isalnum():
        return text
    raise InvalidValueError(
        "not a delimiter", got=repr(text), expected="one ASCII character that no number or word holds"
    )


def _quote(text: str) -> str:
    if len(text) == 1 and text.isascii() and text.isprintable() and not text.isalnum():
        return text
    raise InvalidValueError("not a quote", got=repr(text), expected="one ASCII character, such as \" or '")


def _encoding(name: str) -> str:
    try:
        info = codecs.lookup(name)
    except LookupError:
        info = None
    if info is None or not info._is_text_encoding or info.name in _NO_ENCODINGS:
        raise InvalidValueError(
            "an unknown encoding", got=repr(name), expected="a text encoding such as utf-8, utf-16, cp1252"
        )
    return info.name


class Csv(Spec):
    """How CSV files are written (https://www.rfc-editor.org/rfc/rfc4180).

    Attributes:
        delimiter: Between cells; by default a tab where the suffix is `.tsv` or `.tab`, else a comma.
        quote: Around cells that hold delimiters, quotes (doubled) or newlines.
        header: Whether the first record of each file names its columns; without, the cells are the contract's
            columns in their order.
        encoding: Of the text; a byte order mark at its head is left out.
        nulls: What an unquoted cell without a value holds.
        booleans: What stands for true, and what for false.
    """

    delimiter: Annotated[str, AfterValidator(_one_byte)] | None = None
    quote: Annotated[str, AfterValidator(_quote)] = '"'
    header: Annotated[bool, Field(strict=True)] = True
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"
    nulls: tuple[str, ...] = ("",)
    booleans: tuple[str, str] = ("true", "false")

    @model_validator(mode="after")
    def _fits_together(self) -> Csv:
        findings: list[Finding] = []
        if self.delimiter == self.quote:
            findings.append((("quote",), InvalidValueError("also the delimiter", got=repr(self.quote))))
        if self.booleans[0] == self.booleans[1]:
            problem = InvalidValueError(
                "one text for true and false", got=list(self.booleans), expected="[true's, false's]"
            )
            findings.append((("booleans",), problem))
        if findings:
            raise invalid(findings, "csv")
        return self


class Source(Spec):
    """Where records come from: `uri` or `table`.

    Attributes:
        uri: Where files land: a folder, a file, or a glob (`**` too).
        table: A Delta table, whose versions are followed.
        read: What is taken of each version of `table`: the rows that it adds (`appends`); these and those
            that it takes out, each with `_change` and `_version` (`changes`); or all rows of the partitions
            in which it changed anything (`partitions`).
        format: How records are written; by default each file's suffix tells (`config/formats`).
        compression: Of all files; `auto` goes by the suffix of each.
        csv: How CSV files are written, where some are.
        max_files_per_batch: At least 1.
        max_bytes_per_batch: As stored, before decompression; a batch takes at least one file.
    """

    uri: Uri | None = None
    table: Uri | None = None
    read: Literal["appends", "changes", "partitions"] = "appends"
    format: Format | None = None
    compression: Literal["auto", Compression] = "auto"
    csv: Csv = Csv()
    max_files_per_batch: Annotated[int, Field(ge=1, strict=True)] = 1000
    max_bytes_per_batch: Bytes = 4 * GIB

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Source:
        if (self.uri is None) == (self.table is None):
            got = "neither" if self.uri is None else "both"
            problem = InvalidValueError("a source has uri or table", got=got, expected="one of the two")
            raise invalid([((), problem)], "source")
        foreign = ("format", "compression", "csv") if self.table else ("read",)
        findings: list[Finding] = [
            (
                (name,),
                InvalidValueError(
                    "not for this source",
                    got=name,
                    expected="a source with uri" if self.table else "a source with table",
                ),
            )
            for name in foreign
            if name in self.model_fields_set and getattr(self, name) != type(self).model_fields[name].default
        ]
        if findings:
            raise invalid(findings, "source")
        return self

    @model_validator(mode="after")
    def _can_be_read(self) -> Source:
        findings: list[Finding] = []
        if self.format is None and (self.uri or "").lower().endswith(_OTHER_FORMATS):
            problem = InvalidValueError(
                "a format that cannot be read",
                got=f"{self.location.rpartition('.')[2]}, by the suffix",
                expected="ndjson, json, csv, parquet, ipc or avro",
                next_step="set format to what the files hold all the same",
            )
            findings.append((("uri",), problem))
        if self.format in TYPED and self.csv != Csv():
            findings.append(
                (("csv",), InvalidValueError("not for this format", got=self.format, expected="format: csv"))
            )
        if findings:
            raise invalid(findings, "source")
        return self

    @property
    def location(self) -> str:
        """The URI of the landing zone, or of the table."""
        return self.uri or self.table or ""

    def read_as(self) -> dict[str, Any]:
        """All that tells where the records of its files are, as JSON values."""
        return self.model_dump(mode="json", include={"format", "compression", "csv"})

    def holds_csv(self) -> bool:
        """Whether the files are certain to be CSV, declared or by the suffix of the URI."""
        return self.table is None and (self.format or format_of(self.location)) == "csv"

    def format_of(self, path: str) -> FileFormat:
        """How the file at `path` is written."""
        return "parquet" if self.table else self.format or format_of(path)

    def compression_of(self, path: str) -> Compression:
        """How the file at `path` is compressed."""
        if self.compression != "auto":
            return self.compression
        return "none" if self.table else compression_of(path)

    def delimiter_of(self, path: str) -> str:
        """What is between the cells of the CSV file at `path`."""
        return self.csv.delimiter or delimiter_of(path)

    def encoding_of(self, path: str) -> str:
        """How the text of the file at `path` is encoded."""
        return self.csv.encoding if self.format_of(path) == "csv" else "utf-8"

    def form_of(self, path: str) -> TextForm:
        """How records lie in the text at `path`; a header that is to be read from the file is empty here."""
        match self.format_of(path):
            case "json":
                return TextForm("json")
            case "csv":
                header = b"" if self.csv.header else None
                return TextForm("csv", self.delimiter_of(path), self.csv.quote, header)
            case _:
                return LINES
