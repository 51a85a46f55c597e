//! How the threads of models wait, and what they count.

use ntipc_kernel::Session;
use ntipc_kernel::dispatch::wait::{Outcome, Slumber, Started, Target};
use ntipc_kernel::models::{choose, give_way};
use ntipc_kernel::object::kind::Type;
use ntipc_kernel::sys::clock::{NEVER, now_ns};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

pub fn targets(handles: &[u32]) -> Vec<Target> {
    handles.iter().map(|handle| Target { handle: *handle, channel: 0 }).collect()
}

/// Go on with what a start came to: spin now and then, sleep until `deadline_ns`.
pub fn finish(session: &Session, started: Started, deadline_ns: u64) -> Option<Outcome> {
    let queued = match started {
        Started::Satisfied(outcome) => return Some(outcome),
        Started::TimedOut => return None,
        Started::Queued(queued) => queued,
    };
    if choose(2) == 0
        && let Some(outcome) = session.spin(queued, 3)
    {
        return Some(outcome);
    }
    loop {
        match session.sleep(queued, deadline_ns, NEVER) {
            Slumber::Satisfied(outcome, _) => return Some(outcome),
            Slumber::TimedOut => return None,
            Slumber::Interrupted => {}
            Slumber::Damaged(failure) => panic!("{failure:?}"),
        }
    }
}

/// Wait for ever.
pub fn wait(session: &Arc<Session>, handles: &[u32], all: bool) -> Outcome {
    let started = session.start_wait(&targets(handles), all, false, None).unwrap();
    finish(session, started, NEVER).unwrap()
}

/// Wait until a time that comes soon; `true` if satisfied.
pub fn wait_briefly(session: &Arc<Session>, handles: &[u32], all: bool) -> bool {
    let started = session.start_wait(&targets(handles), all, false, None).unwrap();
    finish(session, started, now_ns() + 5).is_some()
}

/// Take it if it is there.
pub fn poll(session: &Arc<Session>, handles: &[u32], all: bool) -> bool {
    matches!(session.start_wait(&targets(handles), all, true, None).unwrap(), Started::Satisfied(_))
}

/// Come back when `count` waits or more are queued for an object.
pub fn until_waiting(session: &Arc<Session>, handle: u32, wanted: Type, count: u32) {
    while session.basics(handle, wanted, 0).unwrap().waiters < count {
        give_way();
    }
}

/// A number that the threads of one run share. Not part of the model: counting is no step.
#[derive(Clone, Default)]
pub struct Tally(Arc<AtomicU32>);

impl Tally {
    pub fn add(&self, more: u32) -> u32 {
        self.0.fetch_add(more, Ordering::SeqCst) + more
    }

    pub fn take_off(&self, less: u32) {
        self.0.fetch_sub(less, Ordering::SeqCst);
    }

    pub fn get(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}
