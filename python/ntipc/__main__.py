"""``python -m ntipc`` is the command ``ntipc``."""

from ntipc import cli

if __name__ == "__main__":
    raise SystemExit(cli.main())
