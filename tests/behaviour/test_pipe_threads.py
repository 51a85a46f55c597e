"""Several threads accept clients of one server."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.waiting import asleep, wait_until

import ntipc


def accept_in_thread(server: ntipc.PipeServer, timeout: float | None, pipes: list[ntipc.Pipe]) -> threading.Thread:
    def accept() -> None:
        try:
            pipes.append(server.accept(timeout))
        except (ntipc.Timeout, ntipc.HandleClosed):
            pass

    thread = threading.Thread(target=accept)
    thread.start()
    return thread


def in_other_thread(body: Callable[[ntipc.PipeServer], bool], server: ntipc.PipeServer) -> bool:
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(body, server).result()


def someone_accepts(server: ntipc.PipeServer) -> bool:
    free = server._turns.lock.acquire(timeout=0)
    if free:
        server._turns.lock.release()
    return not free


def test_client_is_accepted_after_threads_ran_out_of_time_in_any_order() -> None:
    pipes: list[ntipc.Pipe] = []
    with ntipc.PipeServer("p") as server:
        threads = [accept_in_thread(server, timeout, pipes) for timeout in (0.05, 0.1, 0.02)]
        for thread in threads:
            thread.join()
        with ntipc.PipeClient("p", timeout=0):
            assert ntipc.wait_any([server], timeout=10) is not None
            server.accept(timeout=10).close()
    assert not pipes


def test_client_is_accepted_by_a_thread_that_waits_while_another_ran_out_of_time() -> None:
    pipes: list[ntipc.Pipe] = []
    with ntipc.PipeServer("p") as server:
        short, long = accept_in_thread(server, 0.1, pipes), accept_in_thread(server, 20, pipes)
        short.join()
        with ntipc.PipeClient("p", timeout=0):
            long.join(10)
            assert len(pipes) == 1
            pipes[0].close()


def test_each_of_many_threads_accepts_clients() -> None:
    pipes: list[ntipc.Pipe] = []
    with ntipc.PipeServer("p") as server:
        threads = [accept_in_thread(server, 20, pipes) for _ in range(8)]
        clients = [ntipc.PipeClient("p", timeout=10) for _ in threads]
        for thread in threads:
            thread.join(20)
        assert len(pipes) == len(clients)
        for pipe in [*pipes, *clients]:
            pipe.close()


def test_accept_runs_out_of_time_while_another_thread_accepts() -> None:
    pipes: list[ntipc.Pipe] = []
    with ntipc.PipeServer("p") as server:
        thread = accept_in_thread(server, None, pipes)
        wait_until(lambda: someone_accepts(server))
        for timeout in (-1, 0, 0.01):
            with pytest.raises(ntipc.Timeout):
                server.accept(timeout)
        with ntipc.PipeClient("p", timeout=10):
            thread.join(20)
        pipes[0].close()


def test_child_of_a_fork_accepts_although_a_thread_of_its_parent_does() -> None:
    pipes: list[ntipc.Pipe] = []
    with ntipc.PipeServer("p") as server:
        thread = accept_in_thread(server, None, pipes)
        wait_until(lambda: someone_accepts(server) and asleep(os.getpid()))
        child = os.fork()
        if not child:
            try:
                server.accept(timeout=0.05)
            except ntipc.Timeout:
                os._exit(42)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
        with ntipc.PipeClient("p", timeout=10):
            thread.join(20)
        pipes[0].close()


def test_interrupts_at_any_moment_leave_the_server_accepting() -> None:
    class Interrupted(Exception):
        pass

    armed = False

    def interrupt(*_: object) -> None:
        if armed:
            raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with ntipc.PipeServer("p") as server:
            for number in range(500):
                try:
                    armed = True
                    signal.setitimer(signal.ITIMER_REAL, number % 50 * 4e-6 + 1e-6)
                    with contextlib.suppress(ntipc.Timeout):
                        server.accept(timeout=0.0001)
                except Interrupted:
                    pass
                armed = False
                signal.setitimer(signal.ITIMER_REAL, 0)
                assert not in_other_thread(someone_accepts, server)
            with ntipc.PipeClient("p", timeout=0):
                server.accept(timeout=10).close()
    finally:
        signal.signal(signal.SIGALRM, before)


def test_child_of_a_fork_disconnects_although_a_thread_of_its_parent_was_at_it() -> None:
    with ntipc.PipeServer("p") as server, ntipc.PipeClient("p") as client, server.accept() as pipe:
        with pipe._end._changing.lock:  # type: ignore[attr-defined]
            child = os.fork()
            if child == 0:
                signal.alarm(10)
                pipe.disconnect()
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert not client.connected
