//! The hot paths of the kernel one by one, for `bench/instructions.py` to count their instructions under valgrind.
//!
//! Every operation is run in two loops, one twice as long as the other, between calls of `getppid`, at which valgrind
//! writes down what it has counted: the difference is the operation alone. Both are run several times, since the helper
//! thread wakes by the clock and may hold the session's lock just then. The names are printed in the order of the
//! loops.

use ntipc_kernel::dispatch::at_once::Try;
use ntipc_kernel::dispatch::wait::{Started, Target};
use ntipc_kernel::object::kind::Kind;
use ntipc_kernel::object::table::{Disposition, Initial};
use ntipc_kernel::process::attach::{self, Ownership};
use ntipc_kernel::queue::{Attached, Mode, Poll};
use ntipc_kernel::{Failure, NtResult, NtStatus, Session};
use std::hint::black_box;
use std::os::unix::process::parent_id;
use std::sync::Arc;

const COUNT: u32 = 200;
/// How often each loop is run.
const TIMES: usize = 3;

fn make(session: &Arc<Session>, kind: Kind, value: u64, limit: u32, name: Option<&str>) -> NtResult<u32> {
    let initial = Initial { kind, value, limit, quantity: 0, detail: 0 };
    Ok(session.create(name, Disposition::OpenOrCreate, 0, initial, false)?.handle)
}

fn measure(name: &str, mut operation: impl FnMut() -> NtResult<()>) -> NtResult<()> {
    println!("{name} {COUNT} {TIMES}");
    operation()?; // whatever is done only the first time
    for rounds in [COUNT, 2 * COUNT].repeat(TIMES) {
        let _ = parent_id();
        for _ in 0..rounds {
            operation()?;
        }
    }
    let _ = parent_id();
    Ok(())
}

/// Take one object as the fast path does, or else as a wait.
fn take_one(session: &Arc<Session>, target: Target) -> NtResult<()> {
    match session.take_at_once(target) {
        Try::Taken(_) => Ok(()),
        _ => take(session, &[target], false),
    }
}

/// A wait that must find its objects set.
fn take(session: &Arc<Session>, targets: &[Target], all: bool) -> NtResult<()> {
    match session.start_wait(black_box(targets), all, false, None)? {
        Started::Satisfied(_) => Ok(()),
        other => Err(Failure::new(NtStatus::INVALID_PARAMETER, format!("not satisfied: {other:?}"))),
    }
}

/// A wait that is queued in vain and taken back.
fn give_up(session: &Arc<Session>, targets: &[Target]) -> NtResult<()> {
    match session.start_wait(black_box(targets), false, false, None)? {
        Started::Queued(queued) if session.cancel(queued).is_none() => Ok(()),
        other => Err(Failure::new(NtStatus::INVALID_PARAMETER, format!("not in vain: {other:?}"))),
    }
}

fn targets(handles: &[u32]) -> Vec<Target> {
    handles.iter().map(|handle| Target { handle: *handle, channel: 0 }).collect()
}

fn run(session: &Arc<Session>) -> NtResult<()> {
    let mutant = make(session, Kind::Mutant, 0, 0, None)?;
    let semaphore = make(session, Kind::Semaphore, 0, 9, None)?;
    let events =
        (0..1000).map(|_| make(session, Kind::SynchronizationEvent, 0, 0, None)).collect::<NtResult<Vec<_>>>()?;
    let named = make(session, Kind::SynchronizationEvent, 0, 0, Some("there already"))?;
    let (first, last) = (events[0], events[999]);
    let one = |handle: u32| Target { handle: black_box(handle), channel: 0 };
    let (two, few, many) = (targets(&events[998..]), targets(&events[936..]), targets(&events));

    measure("nothing", || black_box(Ok(())))?;
    measure("mutant: take + release", || {
        if !matches!(session.own_at_once(black_box(mutant)), Try::Taken(_)) {
            take(session, &[one(mutant)], false)?;
        }
        session.release_mutant_at_once(mutant).map_or_else(|| session.release_mutant(mutant), Ok)
    })?;
    measure("event: set", || session.set_event(first).map(drop))?;
    measure("event: set + take", || {
        session.set_event(first)?;
        take_one(session, one(first))
    })?;
    measure("semaphore: release + take", || {
        session.release_semaphore(semaphore, 1)?;
        take_one(session, one(semaphore))
    })?;
    for (name, targets) in [("2", &two), ("64", &few), ("1000", &many)] {
        measure(&format!("set + wait-any of {name}: the last is set"), || {
            session.set_event(last)?;
            take(session, targets, false)
        })?;
    }
    measure("2 sets + wait-all of 2", || {
        session.set_event(events[998])?;
        session.set_event(last)?;
        take(session, &two, true)
    })?;
    for (name, targets) in [("1", &two[..1]), ("64", &few), ("1000", &many)] {
        measure(&format!("queue a wait for {name} + take it back"), || give_up(session, targets))?;
    }
    measure("signal-and-wait: set + take the same event", || {
        session.start_wait(&two[..1], false, false, Some(two[0])).map(drop)
    })?;
    measure("event: create with a name + close", || {
        session.close(make(session, Kind::SynchronizationEvent, 0, 0, Some("new each time"))?)
    })?;
    measure("event: open by name + close", || {
        session.close(make(session, Kind::SynchronizationEvent, 0, 0, Some("there already"))?)
    })?;
    measure("handle: duplicate + close", || session.close(session.duplicate(named, None, None, false)?))?;
    queues(session, named)
}

/// Frames through a queue that nobody waits for.
fn queues(session: &Arc<Session>, event: u32) -> NtResult<()> {
    let (reader, writer) = session.create_queue(None, 1 << 20)?;
    let data = vec![7; 65_536];
    let mut buffer = vec![0; 65_536];
    for (name, length) in [("64 bytes", 64), ("2 KiB, in line", 2048), ("64 KiB", 65_536)] {
        measure(&format!("queue: put + take {name}"), || {
            session.put_frame(writer, black_box(&[&data[..length]]), 0)?;
            session.take_frame(reader, &mut buffer, Mode::Whole).map(drop)
        })?;
    }
    measure("queue: put + take with a handle", || {
        let attached = Attached { handles: &[event], move_them: false };
        session.put_attached(writer, &[&data[..64]], 0, attached, &mut Poll)?;
        let taken = session.take_frame(reader, &mut buffer, Mode::Whole)?;
        taken.map_or(Ok(()), |taken| session.close(taken.handles[0].handle))
    })?;
    measure("queue: take from an empty one", || session.take_frame(reader, &mut buffer, Mode::Whole).map(drop))?;
    measure("queue: create + close", || {
        let (reader, writer) = session.create_queue(None, 100)?;
        session.close(writer)?;
        session.close(reader)
    })
}

fn main() -> NtResult<()> {
    let path = format!("/dev/shm/ntipc-instructions-{}", std::process::id());
    let uid = ntipc_kernel::sys::process::uid();
    let session = attach::attach(&path, Ownership { uid, mode: 0o700, gid: None, must_exist: false })?;
    let result = run(&session);
    session.leave(true)?;
    result
}
