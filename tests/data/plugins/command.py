"""Says hello: a command to be added."""

import click


@click.command("mine")
def mine():
    """Say that a command was added."""
    click.echo("a command that was added")


COMMAND = mine
