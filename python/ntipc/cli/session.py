"""``ntipc session``: what an administrator does once for a machine."""

import argparse
import grp

from ntipc.cli.words import DONE, FAILED, complain

DEFAULT_MODE = 0o770


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its own commands."""
    parser = commands.add_parser("session", help="make the machine-wide session (administrator)")
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    make = actions.add_parser(
        "create-global",
        help="make the session that Global\\ names are in",
        description="Make the directory of the machine-wide session, to which the names beginning with Global\\ belong."
        " Only root can: everybody who may use it has to trust its owner. It stays until the machine is restarted.",
    )
    make.add_argument("--mode", type=_mode, default=DEFAULT_MODE, help="who may use it, octal (default: 0770)")
    make.add_argument("--group", type=_group, help="the group it belongs to, by name or number (default: root's)")
    make.set_defaults(run=create_global)


def _mode(text: str) -> int:
    from ntipc.errors import InvalidParameter
    from ntipc.session.places import checked_mode

    try:
        return checked_mode(int(text, 8))
    except InvalidParameter as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an octal mode such as 0770") from None


def _group(text: str) -> int:
    try:
        return int(text) if text.isdecimal() else grp.getgrnam(text).gr_gid
    except KeyError:
        raise argparse.ArgumentTypeError(f"there is no group {text!r}: make it with groupadd first") from None


def create_global(arguments: argparse.Namespace) -> int:
    """Make the directory of the machine-wide session."""
    from ntipc.errors import ObjectExists
    from ntipc.session.places import create_global, global_path

    try:
        print(create_global(arguments.mode, arguments.group))
    except PermissionError:
        complain("only root can make the machine-wide session", "sudo ntipc session create-global --group GROUP")
        return FAILED
    except ObjectExists:
        path = global_path()
        complain(f"the machine-wide session {path} exists already", f"`ls -ld {path}` shows whose it is")
        return FAILED
    except OSError as error:
        complain(f"cannot make the machine-wide session: {error}")
        return FAILED
    return DONE
