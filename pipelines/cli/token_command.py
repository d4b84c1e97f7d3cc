"""`penstock token`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from pipelines.cli.options import common, print_json
from serving.security.granting import grant


@click.command("token")
@click.argument("client")
@click.option(
    "--access",
    type=click.Path(path_type=Path),
    default=Path("access.toml"),
    show_default=True,
    help="The access file; it is made where there is none.",
)
@click.option("--read", multiple=True, help="A table that a new client may read; * for any characters.")
@click.option("--push", multiple=True, help="A pipeline that a new client may push to; the same.")
@click.option("--days", type=click.IntRange(1, 3660), default=90, show_default=True, help="Until it expires.")
@common
def command(
    client: str, access: Path, read: tuple[str, ...], push: tuple[str, ...], days: int, as_json: bool
) -> None:
    """Make a token for CLIENT, and show it once.

    The access file of `penstock serve` gets its digest, and the client with what it may, if it is new. What a
    client may is changed in the file, and so are tokens taken back: remove their lines.

    \b
    Example:
        penstock token reports --read orders --read 'github_*'
    """
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    token = grant(access, client, expires, read, push)
    if as_json:
        print_json({"client": client, "token": token, "expires": expires})
        return
    click.echo(token)
    click.echo(f"The token of {client}, until {expires:%Y-%m-%d %H:%M} UTC. It is shown this once:")
    click.echo(f"{access} has its digest alone.")
