"""`retrain page`."""

from __future__ import annotations

import os
import secrets
import sys
import webbrowser

import click

from localargo import InvalidInput
from retrain.answers.bucket import bucket_of_model
from retrain.cli.options import place_option
from retrain.client.place import Place

PORT = 8780
VARIABLE = "RETRAIN_PAGE_TOKEN"


def _address(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"{value!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


@click.command()
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default=f"127.0.0.1:{PORT}",
    show_default=True,
    callback=_address,
    help="Where to listen; port 0: any that is free. Elsewhere than on loopback everybody needs the token.",
)
@click.option("--open", "opened", is_flag=True, help="Show it in the browser.")
@click.option("--act", is_flag=True, help="Who knows the token may also start, stop and retry runs.")
@click.option("--while-open", is_flag=True, hidden=True, help="End when standard input ends: with the process that started this one.")
@place_option
def page(listen: tuple[str, int], opened: bool, act: bool, while_open: bool, place: Place) -> None:
    """Serve live pages about models, runs, trials and events until Ctrl-C, for a browser on this machine.

    They show an engine of this machine, a cluster, or a bucket alone: that which RETRAIN_BUCKET names, where no engine runs here. The token
    is that of RETRAIN_PAGE_TOKEN, else a new one, which is printed.

    \b
    retrain page --open
    retrain page --act --context production --listen 127.0.0.1:0
    RETRAIN_BUCKET=s3-bucket retrain page
    """
    try:
        from retrain.page import serve
    except ModuleNotFoundError as error:
        raise InvalidInput(f"{error.name} is not installed: pip install {error.name}") from error
    bucket = bucket_of_model(place)
    shown = place if bucket else None
    guarded = act or not serve.is_loopback(listen[0])
    token = os.environ.get(VARIABLE) or secrets.token_urlsafe(24)
    site = serve.site(shown, bucket, serve.title_of(shown, bucket or os.environ), token if guarded else "", act=act)
    bound = serve.bind(*listen)
    click.echo(serve.address(bound))
    if guarded:
        click.echo(f"token: {f'that of {VARIABLE}' if os.environ.get(VARIABLE) else token}")
    sys.stdout.flush()
    if opened:
        webbrowser.open(serve.address(bound))
    serve.serve(site, bound, while_open=while_open)
