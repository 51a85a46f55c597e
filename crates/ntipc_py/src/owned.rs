//! Which handle numbers belong to objects of Python in this process: whatever has no owner was put here by another
//! process, or inherited, and a program may take it over by its number.
//!
//! Invariant: a number is noted while an [`crate::object::Object`] has it. It is struck out before the handle is
//! closed, since the number may be another's from then on. All calls come with the GIL, so a fork never finds the lock
//! taken.

use ntipc_kernel::Session;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

static OWNED: Mutex<Option<HashSet<(usize, u32)>>> = Mutex::new(None);

fn owned() -> MutexGuard<'static, Option<HashSet<(usize, u32)>>> {
    OWNED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(session: &Arc<Session>, handle: u32) -> (usize, u32) {
    (Arc::as_ptr(session) as usize, handle)
}

pub fn note(session: &Arc<Session>, handle: u32) {
    owned().get_or_insert_default().insert(key(session, handle));
}

pub fn strike_out(session: &Arc<Session>, handle: u32) {
    if let Some(numbers) = owned().as_mut() {
        numbers.remove(&key(session, handle));
    }
}

pub fn is_noted(session: &Arc<Session>, handle: u32) -> bool {
    owned().as_ref().is_some_and(|numbers| numbers.contains(&key(session, handle)))
}
