"""Parquet, Arrow IPC and Avro files, opened in a process of their own, because hostile bytes crash parsers.

parent: `reader_process` ── a file descriptor ──► child: `child` ── `parquet`, `ipc`, `avro`
                         ◄── an Arrow stream, how it ended ──
"""
