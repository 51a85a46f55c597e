"""A supervisor: keep workers running, start another one for each that dies, and say why it died.

    python examples/supervisor.py [--workers N] [--deaths N]

Each worker has one handle from the start, an event that tells it to end, and knows its number from the command line.
One wait watches over the workers and over the event that stops everything. The workers here die in different ways; a
real one would do its work instead.
"""

import argparse
import signal
import sys
import time

import ntipc


def work(number: int, handle: int) -> None:
    """Be a worker: die in one way or another, unless told to end before."""
    stop = ntipc.Event.from_handle(handle)
    if stop.wait(0.05 * (number % 3)):
        return
    match number % 3:
        case 0:
            raise SystemExit(3)
        case 1:
            signal.raise_signal(signal.SIGSEGV)
        case 2:
            raise RuntimeError("a worker has a bug")


def reason(code: int | None) -> str:
    """Say in words how a process ended."""
    if code is None:
        return "ended, and Linux does not tell how"
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def supervise(workers: int, deaths: int) -> None:
    """Keep so many workers running until so many have died."""
    stop = ntipc.Event(manual_reset=True)
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    started = 0

    def start() -> ntipc.Process:
        nonlocal started
        command = [sys.executable, __file__, "--work", str(started), str(stop.handle)]
        worker = ntipc.Process.start(command, inherit_handles=[stop], stderr=-3)  # subprocess.DEVNULL
        print(f"worker {started} is process {worker.pid}", flush=True)
        started += 1
        return worker

    running = [start() for _ in range(workers)]
    while deaths > 0:
        signaled = ntipc.wait_any([stop, *running])
        if signaled is None or signaled.index == 0:
            break
        with running.pop(signaled.index - 1) as ended:
            lived = time.time() - ended.times.started
            print(f"process {ended.pid} {reason(ended.exit_code)} after {lived:.1f} s", flush=True)
        deaths -= 1
        running.append(start())
    stop.set()
    if ntipc.wait_all(running, 5) is None:
        for worker in running:
            worker.terminate()
    print(f"{started} workers were started, and none is left", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--deaths", type=int, default=5)
    parser.add_argument("--work", type=int, nargs=2, metavar=("NUMBER", "HANDLE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(*arguments.work)
    else:
        supervise(arguments.workers, arguments.deaths)


if __name__ == "__main__":
    main()
