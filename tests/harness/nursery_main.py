"""The program of the nursery: fork on demand, and tell how the children ended."""

import importlib
import json
import os
import socket
import sys


def serve(channel: socket.socket) -> tuple[int, int] | None:
    """Fork until the other end is closed. In a child: what it shall read from and write to."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, 1 << 20, 2)
        if not message:
            return None
        question = json.loads(message)
        if "wait" in question:
            answer = os.waitstatus_to_exitcode(os.waitpid(question["wait"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                os.environ.clear()
                os.environ.update(question["environment"])
                return descriptors[0], descriptors[1]
        channel.send(json.dumps(answer).encode())
        for descriptor in descriptors:
            os.close(descriptor)


def main() -> None:
    channel = socket.socket(fileno=int(sys.argv[1]))
    place = serve(channel)
    channel.close()
    if place:
        for wanted, descriptor in enumerate(place):
            os.dup2(descriptor, wanted)
            os.close(descriptor)
        importlib.import_module("peer_main").main()


if __name__ == "__main__":
    importlib.import_module("peer_main")  # once, before the first fork
    main()
