"""A separate process that runs what a test tells it.

One JSON line in: ``{"number": 1, "code": "...", "thread": "a"}``; one JSON line out for each:
``{"number": 1, "value": ...}`` or ``{"number": 1, "error": ...}``, both pickled and in base64. Code for a
named thread runs there, in order; all other code runs in the main thread, which also reads the lines.
A line with ``"end": true`` ends the named thread. The end of the input ends the process.
"""

import ast
import base64
import faulthandler
import json
import os
import pickle
import queue
import signal
import sys
import threading
import time
import warnings
from typing import Any

import ntipc
from ntipc import _kernel

scope: dict[str, Any] = {
    "ntipc": ntipc,
    "_kernel": _kernel,
    "os": os,
    "signal": signal,
    "threading": threading,
    "time": time,
    "warnings": warnings,
}
output_lock = threading.Lock()
threads: dict[str, tuple[threading.Thread, "queue.SimpleQueue[dict[str, Any] | None]"]] = {}


def evaluate(code: str) -> Any:
    """Run the code; its value is that of the last statement if that is an expression."""
    tree = ast.parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<test>", "exec"), scope)
    return eval(compile(ast.Expression(last.value), "<test>", "eval"), scope) if isinstance(last, ast.Expr) else None


def encode(value: Any) -> str:
    try:
        data = pickle.dumps(value)
    except Exception as problem:
        data = pickle.dumps(RuntimeError(f"cannot pickle {value!r}: {problem!r}"))
    return base64.b64encode(data).decode()


def perform(command: dict[str, Any], output: int) -> None:
    try:
        reply = {"value": encode(evaluate(command["code"]))}
    except BaseException as problem:
        problem.__traceback__ = None
        reply = {"error": encode(problem)}
    with output_lock:
        os.write(output, (json.dumps({"number": command["number"], **reply}) + "\n").encode())


def serve_thread(commands: "queue.SimpleQueue[dict[str, Any] | None]", output: int) -> None:
    while (command := commands.get()) is not None:
        perform(command, output)


def dispatch(command: dict[str, Any], output: int) -> None:
    name = command.get("thread")
    if name is None:
        perform(command, output)
        return
    if name not in threads:
        commands: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        thread = threading.Thread(target=serve_thread, args=(commands, output), name=name, daemon=True)
        thread.start()
        threads[name] = thread, commands
    if command.get("end"):
        thread, commands = threads.pop(name)
        commands.put(None)
        thread.join()
        perform(command, output)
    else:
        threads[name][1].put(command)


def main() -> None:
    output = os.dup(1)
    os.dup2(2, 1)
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    scope["output"] = output
    buffer = b""
    while True:
        try:
            data = os.read(0, 65536)
        except KeyboardInterrupt:
            continue
        if not data:
            break
        buffer += data
        while b"\n" in buffer:
            line, buffer = buffer.split(b"\n", 1)
            dispatch(json.loads(line), output)


if __name__ == "__main__":
    sys.modules["peer_main"] = sys.modules["__main__"]
    main()
