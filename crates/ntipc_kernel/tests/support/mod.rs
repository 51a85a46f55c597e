//! A session of its own for each test, and short words for what tests do.
#![allow(dead_code, clippy::unwrap_used, reason = "every test file uses its own part; a failed call fails the test")]

use ntipc_kernel::dispatch::wait::{Outcome, Slumber, Started, Target};
use ntipc_kernel::object::kind::Kind;
use ntipc_kernel::object::table::{Disposition, Initial};
use ntipc_kernel::process::attach::{self, Ownership};
use ntipc_kernel::sys::clock::{NEVER, now_ns};
use ntipc_kernel::{NtResult, Session};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

mod watchdog;

static SERIAL: AtomicU32 = AtomicU32::new(0);

/// A session that nobody else uses; left when dropped.
pub struct Private(pub Arc<Session>);

impl Drop for Private {
    fn drop(&mut self) {
        let _ = self.0.leave(true);
    }
}

impl std::ops::Deref for Private {
    type Target = Arc<Session>;
    fn deref(&self) -> &Arc<Session> {
        &self.0
    }
}

/// Joins under the eyes of the watchdog. `NTIPC_WITHOUT` names an ingredient that the kernel is to do without, if it
/// was built so that it can.
pub fn join(path: &str) -> Private {
    watchdog::start();
    if let Ok(ingredient) = std::env::var("NTIPC_WITHOUT") {
        ntipc_kernel::mutation::leave_out(&ingredient);
    }
    let uid = ntipc_kernel::sys::process::uid();
    let ownership = Ownership { uid, mode: 0o700, gid: None, must_exist: false };
    Private(attach::attach(path, ownership).unwrap())
}

/// Where a session may be that does not exist yet.
pub fn fresh_path() -> String {
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    format!("/dev/shm/ntipc-rust-{}-{serial}", std::process::id())
}

pub fn private() -> Private {
    join(&fresh_path())
}

pub fn make(session: &Arc<Session>, kind: Kind, value: u64, limit: u32, name: Option<&str>) -> u32 {
    let initial = Initial { kind, value, limit, quantity: 0, detail: 0 };
    session.create(name, Disposition::OpenOrCreate, 0, initial, false).unwrap().handle
}

pub fn event(session: &Arc<Session>) -> u32 {
    make(session, Kind::SynchronizationEvent, 0, 0, None)
}

pub fn manual_event(session: &Arc<Session>) -> u32 {
    make(session, Kind::NotificationEvent, 0, 0, None)
}

pub fn mutant(session: &Arc<Session>) -> u32 {
    make(session, Kind::Mutant, 0, 0, None)
}

pub fn semaphore(session: &Arc<Session>, count: u32, maximum: u32) -> u32 {
    make(session, Kind::Semaphore, u64::from(count), maximum, None)
}

pub fn targets(handles: &[u32]) -> Vec<Target> {
    handles.iter().map(|handle| Target { handle: *handle, channel: 0 }).collect()
}

/// Wait up to `ms` milliseconds (0 polls); `None` is a timeout.
pub fn wait(session: &Arc<Session>, handles: &[u32], all: bool, ms: u64) -> NtResult<Option<Outcome>> {
    wait_for(session, &targets(handles), all, ms)
}

fn wait_for(session: &Arc<Session>, targets: &[Target], all: bool, ms: u64) -> NtResult<Option<Outcome>> {
    let queued = match session.start_wait(targets, all, ms == 0, None)? {
        Started::Satisfied(outcome) => return Ok(Some(outcome)),
        Started::TimedOut => return Ok(None),
        Started::Queued(queued) => queued,
    };
    let deadline = if ms == u64::MAX { NEVER } else { now_ns() + ms * 1_000_000 };
    loop {
        match session.sleep(queued, deadline, NEVER) {
            Slumber::Satisfied(outcome, _) => return Ok(Some(outcome)),
            Slumber::TimedOut => return Ok(None),
            Slumber::Damaged(failure) => return Err(failure),
            Slumber::Interrupted if session.is_current(queued) => {}
            Slumber::Interrupted => return wait_for(session, targets, all, 0), // withdrawn: begin again, late
        }
    }
}

pub fn take(session: &Arc<Session>, handle: u32) -> bool {
    wait(session, &[handle], false, 0).unwrap().is_some()
}

/// Come back when `count` threads of the session are queued in waits.
pub fn until_waiting(session: &Arc<Session>, count: usize) {
    let queued = || {
        let picture = ntipc_kernel::inspect::inspect(&session.path).unwrap();
        picture.threads.iter().filter(|thread| matches!(thread.state, "waiting" | "sleeping")).count()
    };
    while queued() != count {
        std::thread::yield_now();
    }
}

/// Come back when `count` waits are queued for an event.
pub fn until_waiters(session: &Arc<Session>, event: u32, count: u32) {
    while session.basics(event, ntipc_kernel::object::kind::Type::Event, 0).unwrap().waiters != count {
        std::thread::yield_now();
    }
}
