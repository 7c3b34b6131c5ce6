"""The command line as a program."""

from optledger.core import errors


def main() -> None:
    """Run the command line; whatever fails, its imports included, has its exit status."""
    errors.run(_command_line)


def _command_line() -> None:
    # Here, so that a package that cannot be imported does not end with 1, which is a verdict.
    from optledger import cli
    from optledger.core import git

    # A hook of Git's is about the checkout that it runs in, too.
    git.forget_repository()
    cli.run()


if __name__ == "__main__":
    main()
