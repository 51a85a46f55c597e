"""One wait for everything: three helper programs' events, a semaphore of results, a timer, and a helper's death."""

import subprocess
import sys
import time

import ntipc

HELPERS = 3
KINDS = ("quick", "slow", "dies")


def help_out(number: int) -> int:
    """The helper program: own a mutex as long as it lives, do something, tell."""
    alive = ntipc.Mutex(f"example helper {number}")
    alive.acquire()
    ntipc.Event(f"example helper {number} is up").set()
    if KINDS[number] == "slow":
        time.sleep(0.3)
    if KINDS[number] != "dies":
        ntipc.Semaphore("example results", initial=0).release()
        alive.release()
    return 0  # the one that dies leaves without releasing its mutex: its waiters are told


def main() -> int:
    """Start the helpers and wait for whatever comes first, again and again."""
    results = ntipc.Semaphore("example results", initial=0)
    up = [ntipc.Event(f"example helper {number} is up") for number in range(HELPERS)]
    alive = [ntipc.Mutex(f"example helper {number}") for number in range(HELPERS)]
    too_late = ntipc.Timer()
    too_late.set(30)
    processes = [subprocess.Popen([sys.executable, __file__, str(number)]) for number in range(HELPERS)]
    if ntipc.wait_all(up, 30) is None:
        print("the helpers did not start")
        return 1
    print("all helpers are up")

    done = died = 0
    watched = [too_late, results, *alive]
    while done + died < HELPERS:
        signaled = ntipc.wait_any(watched)
        if signaled is None or signaled.object is too_late:
            print("too late")
            return 1
        if signaled.object is results:
            done += 1
            print("a result")
        else:
            watched.remove(signaled.object)
            if signaled.abandoned:
                died += 1
                print("a helper died")
    for process in processes:
        process.wait()
    print(f"{done} results, {died} death")
    return 0 if (done, died) == (2, 1) else 1


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore", ntipc.AbandonedMutexWarning)  # .abandoned says it
    sys.exit(help_out(int(sys.argv[1])) if sys.argv[1:] else main())
