"""A command server behind a named pipe, which a shell can talk to.

Run it, and in another terminal send it commands; each line is one, and its answer comes back:

    $ python examples/command_server.py
    $ ntipc pipe cat commands "add 2 3" uptime
    $ echo stop | ntipc pipe cat commands

One loop serves any number of clients: it waits for the next client, for a command of each that is connected, and for
being told to stop, all at once. `python examples/command_server.py --demo` plays the shell as well.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable

import ntipc

NAME = "commands"
STARTED = time.monotonic()


def add(*numbers: str) -> str:
    """Add numbers up."""
    return str(sum(map(float, numbers)))


def uptime() -> str:
    """Tell for how long the server has been there."""
    return f"{time.monotonic() - STARTED:.3f} s"


def who() -> str:
    """Tell which process the server is."""
    return str(os.getpid())


COMMANDS: dict[str, Callable[..., str]] = {"add": add, "uptime": uptime, "who": who}


def answer(line: bytes) -> bytes:
    """Do what a line says; the answer is a line as well."""
    name, *arguments = line.decode(errors="replace").split() or [""]
    if name not in COMMANDS:
        return f"error: no such command: try {', '.join(COMMANDS)} or stop".encode()
    try:
        return COMMANDS[name](*arguments).encode()
    except (TypeError, ValueError) as problem:
        return f"error: {problem}".encode()


def serve() -> None:
    """Answer all clients until one of them says stop."""
    pipes: list[ntipc.Pipe] = []
    with ntipc.PipeServer(NAME) as server:
        print(f"waiting for commands at {NAME}", flush=True)
        while True:
            found = ntipc.wait_any([server, *pipes])
            assert found is not None  # there is no time limit
            if found.object is server:
                pipes.append(server.accept(timeout=0))
                continue
            pipe = found.object
            try:
                line = pipe.recv()
                if line == b"stop":
                    # Who does not stay for the answer stops us too.
                    with contextlib.suppress(ntipc.PeerGone, ntipc.Timeout):
                        pipe.send(b"stopping", timeout=5)
                        pipe.flush(timeout=5)
                    return
                pipe.send(answer(line), timeout=0)
            except (EOFError, BrokenPipeError, ntipc.Timeout):  # gone, or asks and asks and reads no answers
                pipes.remove(pipe)
                pipe.close()


def demo() -> int:
    """Start the server, talk to it from a shell, and stop it."""
    with subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        print(server.stdout.readline(), end="")
        cat = f"{sys.executable} -m ntipc pipe cat --timeout 20 {NAME}"
        shell = f"printf 'add 2 3\\nwho\\nadd x\\n' | {cat} && {cat} stop"
        try:
            answers = subprocess.run(shell, shell=True, check=True, stdout=subprocess.PIPE, text=True).stdout
        except BaseException:
            server.kill()  # nobody told it to stop
            raise
    print(answers, end="")
    expected = f"5.0\n{server.pid}\nerror: could not convert string to float: 'x'\nstopping\n"
    return 0 if answers == expected else 1


def main() -> int:
    """Serve, or show how it is done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", action="store_true", help="talk to the server from a shell, and stop it")
    if parser.parse_args().demo:
        return demo()
    serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
