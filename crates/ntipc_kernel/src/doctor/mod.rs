//! Check that a session's memory says what it should: every invariant of the arena, one sentence for each that does not
//! hold.
//!
//! The look is taken under the dispatcher lock, so that no step is half done; the lock is taken as a thread that
//! belongs to no process, and never from the dead: repairing is the participants' business. If the lock does not come
//! within a bound (its holder is stopped, or the word is scribbled on), the look is taken without it, and the report
//! says so.
//!
//! Fast paths go on under the lock, deaths are told a moment later, and a look without the lock meets half steps. So
//! what one look finds is not believed: only what every one of several looks found, the last more than a second after
//! the first.
//!
//! | module      | invariant                                                                                      |
//! | ----------- | ---------------------------------------------------------------------------------------------- |
//! | `header`    | counters within bounds, journal and pulse clear, the lock's owner lives                           |
//! | `processes` | life words, bells and slots agree with the processes there are, a watcher of each runs; handles lead to objects; counts are right |
//! | `threads`   | progress, wait records, life words                                                             |
//! | `objects`   | words fit their kind, owners live and know of it, free list, files of sections                 |
//! | `waits`     | lists are whole and in order, `HAS_WAITERS` as it should be, nobody sleeps whose wait is satisfiable |
//! | `queues`    | bodies and ends know each other, frames lead to their end and are counted, sides have living owners  |
//! | `badges`    | each belongs to a queue that counts it, lists of notices are whole, frames bear badges of their queue |
//! | `pool`      | every page is free, in one queue, or in one hand; hands belong to living threads                   |
//! | `carried`   | every handle that lies in a frame lies in one, or in one hand; ends count theirs                  |
//! | `calls`     | hidden handles belong to threads, nobody waits for a reply that cannot come                        |
//! | `debuglog`  | readers belong to participants, and have an event by which they are told                        |
//! | `names`     | chains lead to named objects, each cell is used once or free                                   |
//!
//! Nothing here believes an index, follows a list without a bound, or touches memory that the file does not have.

mod badges;
mod calls;
mod carried;
mod debuglog;
mod guest;
mod header;
mod look;
mod names;
mod objects;
mod pool;
mod processes;
mod queues;
mod threads;
mod waits;

use crate::arena::Arena;
use crate::process::attach;
use crate::process::lock;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sys::clock::now_ns;
use crate::sys::files::{self, Protection};
use crate::sys::namespaces::pid_namespace;
use guest::Guest;
use look::Look;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// What is wrong, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which invariant, in a word.
    pub check: &'static str,
    /// The object, process or thread; the same in every look.
    pub subject: String,
    /// One sentence.
    pub text: String,
}

#[derive(Clone, Debug, Default)]
pub struct Report {
    pub path: String,
    /// Every look was taken under the dispatcher lock.
    pub locked: bool,
    /// Why not, or why there was nothing to look at.
    pub note: Option<String>,
    pub findings: Vec<Finding>,
}

/// How long to wait for the dispatcher lock, which is held for microseconds.
pub const LOCK_PATIENCE_NS: u64 = 2_000_000_000;
/// Pauses between looks, in thousandths of the patience: a step of a participant, a time slice, the time in which a
/// watcher acts in place of others.
const PAUSES: [u64; 4] = [3, 30, 240, 727];

/// Examine the session in the directory `path`. Fails only if it cannot be looked at.
pub fn examine(path: &str, patience_ms: u64) -> NtResult<Report> {
    let failed = |error: &std::io::Error| Failure::from_io(&format!("looking into the session {path}"), error);
    let directory = files::open_directory(&files::c_string(path)?).map_err(|error| failed(&error))?;
    let mut report = Report { path: path.to_owned(), locked: true, ..Report::default() };
    if !attach::is_inhabited(&directory)? {
        report.locked = false;
        report.note = Some("nobody takes part in it any more; the next process starts a new one".to_owned());
        return Ok(report);
    }
    let open = |flags| files::open_at(&directory, c"arena", flags | libc::O_NONBLOCK, 0);
    let (file, writable) = match open(libc::O_RDWR) {
        Ok(file) => (file, true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EACCES | libc::EROFS | libc::EPERM)) => {
            (open(libc::O_RDONLY).map_err(|error| failed(&error))?, false)
        }
        Err(error) => return Err(failed(&error)),
    };
    if let Err(failure) = Arena::verify_shape(&file) {
        if failure.status != NtStatus::DATA_ERROR {
            return Err(failure);
        }
        report.locked = false;
        let text = failure.detail.into_owned();
        report.findings.push(Finding { check: "shape", subject: "the arena file".to_owned(), text });
        return Ok(report);
    }
    let arena =
        Arena::map(file, &format!("{path}/arena"), if writable { Protection::ReadWrite } else { Protection::Read })?;
    // A thread of its own: it takes a place in the list of life words, which is empty in a new thread.
    let looked = std::thread::scope(|scope| {
        let body = || look_repeatedly(&arena, &directory, (writable, patience_ms), &mut report);
        let thread = crate::sys::process::with_signals_blocked(|| {
            std::thread::Builder::new().name("ntipc-doctor".into()).spawn_scoped(scope, body)
        });
        thread.map_err(|error| Failure::from_io("starting a thread", &error)).map(std::thread::ScopedJoinHandle::join)
    })?;
    match looked {
        Ok(()) => Ok(report),
        Err(_) => Err(Failure::new(NtStatus::INSUFFICIENT_RESOURCES, "the examination broke off")),
    }
}

fn look_repeatedly(arena: &Arena, directory: &OwnedFd, (writable, patience_ms): (bool, u64), report: &mut Report) {
    let mut guest = if writable { Guest::new(arena) } else { None };
    if guest.is_none() {
        report.locked = false;
        let why = if writable { "no thread slot could be had" } else { "this user may not write to the session" };
        report.note = Some(format!("looked without the dispatcher lock: {why}"));
    }
    for (number, pause) in [0].iter().chain(&PAUSES).enumerate() {
        std::thread::sleep(Duration::from_micros(patience_ms.saturating_mul(*pause)));
        let found = {
            let held = guest.as_ref().and_then(|guest| guest.lock(now_ns() + LOCK_PATIENCE_NS));
            let locked = held.is_some();
            let mut look = Look::new(arena, directory, guest.as_ref().map(Guest::slot), locked);
            if guest.is_some() && !locked {
                report.locked = false;
                let holder = holder(arena).unwrap_or_else(|| "nobody that can be told".to_owned());
                report.note = Some(format!("looked without the dispatcher lock, which is held by {holder}"));
            }
            look.everything();
            look.findings
        };
        if !report.locked {
            guest = None; // the bound is kept once, not at every look
        }
        match number {
            0 => report.findings = found,
            _ => {
                let again =
                    |old: &Finding| found.iter().any(|new| new.check == old.check && new.subject == old.subject);
                report.findings.retain(again);
            }
        }
        if report.findings.is_empty() {
            return;
        }
    }
}

/// The holder of the dispatcher lock.
fn holder(arena: &Arena) -> Option<String> {
    let ((slot, tid), here) = (lock::holder(arena)?, pid_namespace());
    let state = arena.pid_in(here, slot).and_then(crate::sys::process::state);
    let stopped = if matches!(state, Some('T' | 't')) { ", which is stopped" } else { "" };
    Some(format!("thread {tid} of {}{stopped}", arena.named_in(here, slot)))
}

#[cfg(all(test, not(feature = "models")))]
mod tests {
    use crate::process::attach::{Ownership, attach};
    use crate::sys::process::uid;

    /// What the file occupied before the look was held against what its tables had by then.
    #[test]
    fn a_session_that_grows_while_it_is_examined_is_sound() -> crate::NtResult<()> {
        let path = format!("/dev/shm/ntipc-rust-{}-growing", std::process::id());
        let session = attach(&path, Ownership { uid: uid(), mode: 0o700, gid: None, must_exist: false })?;
        let report = std::thread::scope(|scope| {
            let locked = session.lock()?;
            let looking = scope.spawn(|| super::examine(&path, 1000));
            while !session.arena.header().lock.read().is_contended() {
                std::thread::yield_now(); // until the look waits for the lock
            }
            session.arena.grow_objects(50_000)?;
            drop(locked);
            looking.join().unwrap_or_else(|_| Err(crate::NtStatus::UNSUCCESSFUL.into()))
        })?;
        assert!(report.locked);
        assert_eq!(report.findings, []);
        session.leave(true)
    }
}
