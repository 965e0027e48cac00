"""The front door: one command line for every process and every chore. A room is imported when its command runs."""

import click


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tailorbird")
def main() -> None:
    """Tailorbird shows each visitor of a web shop the content that fits the kind of customer they are."""


if __name__ == "__main__":
    main()
