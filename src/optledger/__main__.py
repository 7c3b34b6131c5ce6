"""The command line as a program."""

from optledger.core import errors


def main() -> None:
    """Run the command line; every failure has its exit status, even one of its imports."""
    errors.run(_command_line)


def _command_line() -> None:
    # Imported here, so that a failing import does not end with 1, which is a verdict.
    from optledger import cli
    from optledger.core import git

    # In a Git hook, too, a command is about the checkout in its working directory.
    git.forget_repository()
    cli.run()


if __name__ == "__main__":
    main()
