"""The `s4` command, one module a command, imported lazily."""

import os
import sys

from cyclopts import App, CycloptsError

import s4allcities

__all__ = ("main", "make_app")

COMMANDS = {
    "demo": "Run a scenario end to end: platform, simulated sensors, page.",
    "serve": "Run the platform until Ctrl-C.",
    "doctor": "Check an installation and say what is wrong.",
    "warm": "Compile the numeric kernels once, so that starts are quick.",
    "users": "Accounts of people: list, add, one-time links, passwords, roles.",
    "devices": "Make and list the credentials of devices.",
    "locks": "Tokens of locks whose keys cannot be copied: enrol, list, revoke.",
    "site": "Check, show and import site files.",
    "sources": "Connectors: list, check, replay files, watch live.",
    "detect": "Run one detector over a file.",
    "assure": "Try the detectors with attacks in the installation's own history.",
    "simulate": "What-if runs: a crowd on a site, and the engine's validation.",
    "fuse": "Fuse detections from a file into explained incidents.",
    "risk": "Where a figure came from; planning without live data.",
    "plan": "An evacuation plan with its proof, sentences to say, alternatives.",
    "scenario": "Simulated worlds with truth.",
    "verify": "Prove the ledger untouched.",
    "backup": "Write a backup of an installation.",
    "restore": "Bring a backup back.",
    "history": "Readings of the past: a sensor's day, an export.",
    "export": "Write records in outside formats.",
    "bench": "Benchmarks; needs a source checkout.",
}
"""Each sub-command is the `app` of the module of that name; its help line is here so that `s4 --help` imports none."""


def make_app() -> App:
    """Give the command with all sub-commands; none of their modules is imported yet."""
    app = App(
        name="s4",
        help="S4AllCities: protects open city spaces. Sensors in, few explained incidents out, people decide.",
        version=s4allcities.__version__,
    )
    for name, help_line in COMMANDS.items():
        app.command(f"s4allcities.cli.{name}:app", name=name, help=help_line)
    return app


def main() -> None:
    """Run the command line. Exit codes: 0 done, 2 wrong use or bad input, 1 a failure of ours."""
    try:
        make_app()(exit_on_error=False)
        sys.stdout.flush()
    except CycloptsError:  # cyclopts has printed what is wrong and what is allowed
        sys.exit(2)
    except BrokenPipeError:  # whoever read our output has seen enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
