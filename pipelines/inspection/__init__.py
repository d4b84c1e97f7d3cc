"""`penstock inspect`: what a file or a table is made of, gathered without printing.

parent: `inspect` ── a file descriptor ──► child: `child` ── `parquet`, `ipc`, `text`
                  ◄── one JSON document ──
"""
