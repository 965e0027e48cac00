"""The front door: one command line for every process and every chore. A room is imported when its command runs."""

import sys

import click

from cli.lazy import Entry, LazyGroup
from models.contracts.errors import TailorbirdError

COMMANDS = {
    "demo": Entry("demo.commands:demo", "The whole system with a demonstration shop and real visitors."),
    "up": Entry("cli.system:up", "The whole system on this machine, under one supervisor."),
    "broker": Entry("cli.brokers:broker", "A broker on this machine: embedded, or Apache Kafka."),
    "edge": Entry("cli.processes:edge", "Answer queries from memory and keep every event."),
    "worker": Entry("cli.processes:worker", "Fold every event into profiles and assign segments."),
    "trainer": Entry("cli.processes:trainer", "Learn segments and choose content for them."),
    "console": Entry("cli.processes:console", "Serve merchants."),
    "topics": Entry("cli.topics:topics", "The declared topics on the broker."),
    "asyncapi": Entry("cli.asyncapi:asyncapi", "The topics as an AsyncAPI document."),
    "settings": Entry("cli.settings:settings", "Every setting with its source."),
    "doctor": Entry("cli.doctor:doctor", "What is wrong here and what mends it."),
    "models": Entry("cli.models:models", "Versions of segment models."),
    "profiles": Entry("cli.profiles:profiles", "What the streams know about customers, as a file."),
    "spool": Entry("cli.spool:spool", "What an edge has written down."),
    "rejected": Entry("cli.rejected:rejected", "Records that no reader could use."),
    "erase": Entry("cli.erase:erase", "Forget a customer everywhere, with proof."),
    "embed": Entry("cli.embed:embed", "The code that a merchant pastes into a page."),
    "keys": Entry("cli.keys:keys", "API keys."),
    "balancer": Entry("cli.system:balancer", "Configuration of a balancer before several edges."),
    "replay": Entry("demo.commands:replay", "Send recorded visits through a running edge."),
}


@click.group(cls=LazyGroup, entries=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tailorbird")
def command_line() -> None:
    """Tailorbird shows each visitor of a web shop the content that fits the kind of customer they are."""


def main() -> None:
    """Runs the command line. An error raised on purpose is one sentence and its exit code, never a traceback."""
    try:
        command_line()
    except TailorbirdError as error:
        click.echo(f"tailorbird: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
