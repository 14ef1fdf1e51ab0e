"""`retrain page`."""

from __future__ import annotations

import os
import sys
import webbrowser

import click

from localargo import InvalidInput
from retrain.answers.bucket import bucket_of_model
from retrain.cli.options import place_option
from retrain.client.place import Place

PORT = 8780


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="On 127.0.0.1; 0 takes one that is free.")
@click.option("--open", "opened", is_flag=True, help="Show it in the browser.")
@click.option("--while-open", is_flag=True, hidden=True, help="End when standard input ends: with the process that started this one.")
@place_option
def page(port: int, opened: bool, while_open: bool, place: Place) -> None:
    """Serve live pages about models, runs, trials and events until Ctrl-C, for a browser on this machine.

    They show an engine of this machine, a cluster, or a bucket alone: that which RETRAIN_BUCKET names, where no engine runs here.

    \b
    retrain page --open
    retrain page --context production --port 0
    RETRAIN_BUCKET=s3-bucket retrain page
    """
    try:
        from retrain.page import serve
    except ModuleNotFoundError as error:
        raise InvalidInput(f"{error.name} is not installed: pip install 'retrain[page]'") from error
    bucket = bucket_of_model(place)
    shown = place if bucket else None
    site = serve.site(shown, bucket, serve.title_of(shown, bucket or os.environ))
    bound = serve.bind("127.0.0.1", port)
    click.echo(serve.address(bound))
    sys.stdout.flush()
    if opened:
        webbrowser.open(serve.address(bound))
    serve.serve(site, bound, while_open=while_open)
