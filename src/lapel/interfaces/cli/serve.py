"""`lapel serve CATALOGUE`: the HTTP API and the search page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lapel.interfaces.cli._limits import limit_options


@click.command("serve")
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to bind; 0.0.0.0 opens it to the network."
)
@click.option("--port", default=8000, show_default=True, help="Port to bind; 0 takes a free one.")
@click.option("--write", is_flag=True, help="Items may be added and removed over HTTP.")
@click.option("--token", envvar="LAPEL_TOKEN", help="Every request must carry it (also: environment LAPEL_TOKEN).")
@click.option("--cors", multiple=True, metavar="ORIGIN", help="A site whose pages may call the API. Repeatable.")
@click.option("--allow-host", "names", multiple=True, metavar="NAME", help="Another name of this server. Repeatable.")
@click.option("--model", help="Only for a catalogue that was filled by a model in memory.")
@limit_options
def command(
    catalogue: Path,
    host: str,
    port: int,
    write: bool,
    token: str | None,
    cors: tuple[str, ...],
    names: tuple[str, ...],
    model: str | None,
    **limits: Any,
) -> None:
    """Serve CATALOGUE: a search page at /, an API at /v1 (described at /openapi.json), figures at /metrics.

    Only this machine reaches it unless --host says otherwise. Ctrl-C ends it when running requests are answered.
    """
    import logging

    import lapel
    from lapel.interfaces.cli._catalogues import open_catalogue
    from lapel.interfaces.http import Limits

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    opened = open_catalogue(catalogue, model)

    def ready(address: str) -> None:
        click.echo(f"Serving {len(opened)} items of {catalogue} at {address}")
        if not token and host in ("0.0.0.0", "::"):
            click.echo("Warning: everybody on the network may search; --token TOKEN asks for one.", err=True)

    lapel.serve(
        opened,
        host=host,
        port=port,
        write=write,
        token=token,
        cors=cors,
        names=names,
        limits=Limits(**limits),
        ready=ready,
    )
