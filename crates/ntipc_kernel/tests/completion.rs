//! Completion ports: one descriptor that tells an event loop of everything it watches.
#![allow(clippy::unwrap_used, reason = "a failed call fails the test")]

mod support;

use ntipc_kernel::completion::port::Port;
use ntipc_kernel::object::kind::Kind;
use ntipc_kernel::queue::Mode;
use ntipc_kernel::{NtStatus, Session};
use std::sync::{Arc, Mutex};
use support::*;

/// The relay is the process's: tests that count it take turns.
static ALONE: Mutex<()> = Mutex::new(());

/// Does it become readable?
fn is_told(port: &Port, patience_ms: i32) -> bool {
    let mut poll = libc::pollfd { fd: port.fileno().unwrap(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid pollfd.
    unsafe { libc::poll(&raw mut poll, 1, patience_ms) == 1 }
}

const LONG: i32 = 20_000;
const MOMENT: i32 = 30;

fn relays() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let name = |task: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(task.unwrap().path().join("comm"));
    tasks.filter_map(|task| name(task).ok()).filter(|name| name.trim() == "ntipc-relay").count()
}

fn wait_until(condition: impl Fn() -> bool) {
    while !condition() {
        std::thread::yield_now(); // the watchdog ends a test that hangs
    }
}

fn queue(session: &Arc<Session>) -> (u32, u32) {
    session.create_queue(None, 1 << 16).unwrap()
}

fn take(session: &Arc<Session>, reader: u32) -> Option<usize> {
    session.take_frame(reader, &mut [0; 64], Mode::Whole).unwrap().map(|taken| taken.bytes)
}

#[test]
fn a_port_tells_once_until_it_is_armed() {
    let _alone = ALONE.lock();
    let session = private();
    let port = Port::new().unwrap();
    let (reader, writer) = queue(&session);
    port.watch(&session, reader).unwrap();
    assert!(!is_told(&port, MOMENT));
    session.put_frame(writer, &[b"one"], 0).unwrap();
    assert!(is_told(&port, LONG));
    port.lower();
    assert!(!is_told(&port, MOMENT), "told of the same frame again");
    port.arm();
    assert!(is_told(&port, LONG), "what is still there is not told");
    port.lower();
    assert_eq!(take(&session, reader), Some(3));
    port.arm();
    assert!(!is_told(&port, MOMENT));
    session.put_frame(writer, &[b""], 0).unwrap();
    assert!(is_told(&port, LONG));
}

#[test]
fn ports_of_several_sessions_share_a_relay_that_ends_with_them() {
    let _alone = ALONE.lock();
    wait_until(|| relays() == 0);
    let sessions = [private(), private(), private()];
    let ports: Vec<Port> = (0..6).map(|_| Port::new().unwrap()).collect();
    let ends: Vec<(u32, u32)> = (0..6).map(|place| queue(&sessions[place % 3])).collect();
    for (place, port) in ports.iter().enumerate() {
        port.watch(&sessions[place % 3], ends[place].0).unwrap();
    }
    wait_until(|| relays() == 1);
    for (place, port) in ports.iter().enumerate().rev() {
        sessions[place % 3].put_frame(ends[place].1, &[b"x"], 0).unwrap();
        assert!(is_told(port, LONG));
        assert!(ports[..place].iter().all(|other| !is_told(other, 0)));
    }
    drop(ports);
    wait_until(|| relays() == 0);
}

#[test]
fn the_end_of_the_stream_is_told_and_a_stranger_of_the_number_is_left_alone() {
    let _alone = ALONE.lock();
    let session = private();
    let (reader, writer) = queue(&session);
    let port = Port::new().unwrap();
    port.watch(&session, reader).unwrap();
    session.close(writer).unwrap();
    assert!(is_told(&port, LONG));
    port.lower();
    session.close(reader).unwrap();
    // A mutex that the relay would own if it waited for the number.
    let mutant = make(&session, Kind::Mutant, 0, 0, None);
    assert_eq!(mutant, reader, "the number is used again");
    port.arm();
    assert!(is_told(&port, LONG), "the watch leads nowhere, and says so");
    assert_eq!(session.query_mutant(mutant).unwrap().recursion, 0);
}

#[test]
fn leaving_a_session_ends_its_watches() {
    let _alone = ALONE.lock();
    let (session, other) = (private(), private());
    let (reader, _) = queue(&session);
    let (other_reader, other_writer) = queue(&other);
    let port = Port::new().unwrap();
    port.watch(&session, reader).unwrap();
    port.watch(&other, other_reader).unwrap();
    session.leave(false).unwrap();
    assert!(is_told(&port, LONG));
    port.lower();
    port.arm();
    other.put_frame(other_writer, &[b"x"], 0).unwrap();
    assert!(is_told(&port, LONG));
}

#[test]
fn what_is_no_read_end_is_not_watched() {
    let _alone = ALONE.lock();
    let session = private();
    let (reader, writer) = queue(&session);
    let port = Port::new().unwrap();
    for handle in [writer, make(&session, Kind::Mutant, 0, 0, None), 0, 4000] {
        assert!(port.watch(&session, handle).is_err());
    }
    session.close(reader).unwrap();
    assert_eq!(port.watch(&session, reader).unwrap_err().status, NtStatus::INVALID_HANDLE);
}

/// Many threads put while the loop looks: each frame is taken, though the loop sleeps whenever it was not told.
#[test]
fn no_frame_is_left_untold() {
    let _alone = ALONE.lock();
    let session = private();
    let (reader, writer) = queue(&session);
    let port = Port::new().unwrap();
    port.watch(&session, reader).unwrap();
    const EACH: usize = 3_000;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for number in 0..EACH {
                    while !session.put_frame(writer, &[b"x"], 0).unwrap() {
                        std::thread::yield_now();
                    }
                    if number % 16 == 0 {
                        std::thread::yield_now();
                    }
                }
            });
        }
        let mut taken = 0;
        while taken < 2 * EACH {
            assert!(is_told(&port, LONG), "{taken} frames, and no more are told");
            port.lower();
            while take(&session, reader).is_some() {
                taken += 1;
            }
            port.arm();
        }
    });
}
