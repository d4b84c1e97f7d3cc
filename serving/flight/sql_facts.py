"""What the server says of itself and of its SQL, by the names of the protocol's `SqlInfo`.

Tools ask for these before they write statements: the JDBC driver wants all of them. Where SQL has levels, the
values are bits: 1 for the first value of the protocol's enum, 2 for the second, 4 for the third. A bound of 0
is none, or none that is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

import pyarrow as pa

from serving.security.limits import Limits

Fact = str | bool | int | list[str] | dict[int, list[int]]


class Bits(int):
    """Values of an enum: 32 bits on the wire, where other numbers have 64."""


def _words(text: str) -> list[str]:
    return text.split()


NUMERIC: Final = _words("""
abs acos asin atan atan2 cbrt ceil cos cot degrees exp factorial floor gcd lcm ln log log10 log2 nanvl
pi pow power radians random round signum sin sqrt tan trunc
""")
TEXT: Final = _words("""
ascii bit_length btrim char_length chr concat concat_ws contains ends_with initcap instr left length
levenshtein lower ltrim md5 octet_length overlay position regexp_count regexp_like regexp_replace
replace reverse right rtrim sha256 split_part starts_with strpos substr substring to_hex
translate trim upper
""")
SYSTEM: Final = _words("arrow_typeof coalesce greatest ifnull least nullif nvl version")
MOMENTS: Final = _words("""
current_date current_time current_timestamp date_bin date_part date_trunc from_unixtime make_date now
to_char to_date to_local_time to_timestamp to_unixtime today
""")
KEYWORDS: Final = _words("ANTI EXPLAIN LIMIT OFFSET PIVOT QUALIFY RETURNING SEMI TOP")
"""Beyond those of SQL:2003."""
_NUMBERS: Final = [5, 6, 7, 13, 14, 16, 17, 19]
_WHOLE: Final = [0, 1, 2, *_NUMBERS]
CASTS: Final = {
    0: [0, 1, 2, 4, *_NUMBERS],
    1: [1, 19],
    2: [0, 2, 6, 7, 13, 14, 17, 19],
    4: [0, 4, 7, 16, 19],
    5: [0, *_NUMBERS],
    6: [0, 2, *_NUMBERS],
    7: [0, 1, 2, 4, *_NUMBERS],
    13: [0, 2, *_NUMBERS],
    14: _WHOLE,
    16: [0, 4, *_NUMBERS],
    17: _WHOLE,
    19: [0, 1, 2, 4, *_NUMBERS],
}
"""From a type to others, as `SqlSupportsConvert` numbers them."""

_SERVER: Final[Mapping[str, Fact]] = {
    "FLIGHT_SQL_SERVER_NAME": "Penstock",
    "FLIGHT_SQL_SERVER_VERSION": version("penstock"),
    "FLIGHT_SQL_SERVER_ARROW_VERSION": pa.__version__,
    "FLIGHT_SQL_SERVER_READ_ONLY": True,
    "FLIGHT_SQL_SERVER_SQL": True,
    "FLIGHT_SQL_SERVER_SUBSTRAIT": False,
    "FLIGHT_SQL_SERVER_TRANSACTION": Bits(0),
    "FLIGHT_SQL_SERVER_CANCEL": True,
    "FLIGHT_SQL_SERVER_BULK_INGESTION": True,
    "FLIGHT_SQL_SERVER_INGEST_TRANSACTIONS_SUPPORTED": False,
    "FLIGHT_SQL_SERVER_STATEMENT_TIMEOUT": Bits(0),  # of a prepared statement that is not used
    "FLIGHT_SQL_SERVER_TRANSACTION_TIMEOUT": Bits(0),
}
_NAMES: Final[Mapping[str, Fact]] = {
    "SQL_IDENTIFIER_CASE": Bits(3),  # folded to lower case
    "SQL_IDENTIFIER_QUOTE_CHAR": '"',
    "SQL_QUOTED_IDENTIFIER_CASE": Bits(0),  # as it is, for which the protocol has no value
    "SQL_EXTRA_NAME_CHARACTERS": "$#@",
    "SQL_SEARCH_STRING_ESCAPE": "\\",
    "SQL_SCHEMA_TERM": "schema",
    "SQL_PROCEDURE_TERM": "",
    "SQL_CATALOG_TERM": "catalog",
    "SQL_CATALOG_AT_START": True,
    "SQL_KEYWORDS": KEYWORDS,
    "SQL_NUMERIC_FUNCTIONS": NUMERIC,
    "SQL_STRING_FUNCTIONS": TEXT,
    "SQL_SYSTEM_FUNCTIONS": SYSTEM,
    "SQL_DATETIME_FUNCTIONS": MOMENTS,
}
_QUERIES: Final[Mapping[str, Fact]] = {
    "SQL_ALL_TABLES_ARE_SELECTABLE": True,
    "SQL_NULL_ORDERING": Bits(0),  # above all values
    "SQL_SUPPORTS_COLUMN_ALIASING": True,
    "SQL_NULL_PLUS_NULL_IS_NULL": True,
    "SQL_SUPPORTS_CONVERT": CASTS,
    "SQL_SUPPORTS_TABLE_CORRELATION_NAMES": True,
    "SQL_SUPPORTS_DIFFERENT_TABLE_CORRELATION_NAMES": False,  # any may be given, not only others
    "SQL_SUPPORTS_EXPRESSIONS_IN_ORDER_BY": True,
    "SQL_SUPPORTS_ORDER_BY_UNRELATED": True,
    "SQL_SUPPORTED_GROUP_BY": Bits(1 | 2),
    "SQL_SUPPORTS_LIKE_ESCAPE_CLAUSE": False,  # the backslash alone
    "SQL_SUPPORTS_NON_NULLABLE_COLUMNS": True,
    "SQL_SUPPORTED_GRAMMAR": Bits(1 | 2),
    "SQL_ANSI92_SUPPORTED_LEVEL": Bits(0),  # each level has statements that write
    "SQL_OUTER_JOINS_SUPPORT_LEVEL": Bits(2 | 4),  # full ones too; the JDBC driver reads bits
    "SQL_SUPPORTED_SUBQUERIES": Bits(1 | 2 | 4 | 8),
    "SQL_CORRELATED_SUBQUERIES_SUPPORTED": True,
    "SQL_SUPPORTED_UNIONS": Bits(1 | 2),
    "SQL_SUPPORTED_RESULT_SET_TYPES": Bits(1 << 1),  # read once, forward
    "SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_FORWARD_ONLY": Bits(1 << 1),  # to be read
    "SQL_MAX_ROW_SIZE_INCLUDES_BLOBS": True,
    # The JDBC driver reads a number of 64 bits here.
    "SQL_DEFAULT_TRANSACTION_ISOLATION": 0,
    "SQL_SUPPORTED_TRANSACTIONS_ISOLATION_LEVELS": Bits(1),
}
_NOT_THERE: Final = _words("""
SQL_DDL_CATALOG SQL_DDL_SCHEMA SQL_DDL_TABLE SQL_SUPPORTS_INTEGRITY_ENHANCEMENT_FACILITY
SQL_SELECT_FOR_UPDATE_SUPPORTED SQL_STORED_PROCEDURES_SUPPORTED SQL_TRANSACTIONS_SUPPORTED
SQL_DATA_DEFINITION_CAUSES_TRANSACTION_COMMIT SQL_DATA_DEFINITIONS_IN_TRANSACTIONS_IGNORED
SQL_BATCH_UPDATES_SUPPORTED SQL_SAVEPOINTS_SUPPORTED SQL_NAMED_PARAMETERS_SUPPORTED
SQL_LOCATORS_UPDATE_COPY SQL_STORED_FUNCTIONS_USING_CALL_SYNTAX_SUPPORTED
""")
_NONE_OF: Final = _words("""
SQL_SCHEMAS_SUPPORTED_ACTIONS SQL_CATALOGS_SUPPORTED_ACTIONS SQL_SUPPORTED_POSITIONED_COMMANDS
SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_UNSPECIFIED
SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_SCROLL_SENSITIVE
SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_SCROLL_INSENSITIVE
""")
_UNBOUND: Final = _words("""
SQL_MAX_BINARY_LITERAL_LENGTH SQL_MAX_CHAR_LITERAL_LENGTH SQL_MAX_COLUMN_NAME_LENGTH
SQL_MAX_COLUMNS_IN_GROUP_BY SQL_MAX_COLUMNS_IN_INDEX SQL_MAX_COLUMNS_IN_ORDER_BY
SQL_MAX_COLUMNS_IN_SELECT SQL_MAX_COLUMNS_IN_TABLE SQL_MAX_CONNECTIONS SQL_MAX_CURSOR_NAME_LENGTH
SQL_MAX_INDEX_LENGTH SQL_DB_SCHEMA_NAME_LENGTH SQL_MAX_PROCEDURE_NAME_LENGTH SQL_MAX_CATALOG_NAME_LENGTH
SQL_MAX_ROW_SIZE SQL_MAX_TABLE_NAME_LENGTH SQL_MAX_TABLES_IN_SELECT SQL_MAX_USERNAME_LENGTH
""")


def facts(limits: Limits) -> dict[str, Fact]:
    """Name to value, for a client that has these limits."""
    return {
        **_SERVER,
        **_NAMES,
        **_QUERIES,
        **dict.fromkeys(_NOT_THERE, False),
        **dict.fromkeys(_NONE_OF, Bits(0)),
        **dict.fromkeys(_UNBOUND, 0),
        "SQL_MAX_STATEMENT_LENGTH": int(limits.statement_bytes),
        "SQL_MAX_STATEMENTS": limits.statements_at_once,
    }
