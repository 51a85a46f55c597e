//! The watch over processes and threads that this process has opened, was given or waits for: one thread for about a
//! thousand of them.
//!
//! Started when first needed. It has a table of descriptors of its own: the program's calls neither count its pidfds
//! nor close them, no child inherits them, and it keeps nothing of the program's open. Requests come along a line, with
//! the pidfd of the one that has one: so what ended since is not missed. A program that closes its end of the line
//! leaves the thread with what it watches, and the next request gets a new thread.
//! What no pidfd can be had for (no descriptor is left; threads before Linux 6.9) is looked at from time to time
//! instead.
//!
//! Invariant: a request and its message, with the pidfd, are given under one lock, under which the thread takes all of
//! both.
//! Crash: the watch ends with its process. All others that want to know watch for themselves.

use super::heirs::Heir;
use super::lives::{self, Life};
use crate::session::{Session, locked};
use crate::sync::{AtomicU32, Ordering};
use crate::sys::clock::now_ns;
use crate::sys::kept::Kept;
use crate::sys::parcels::{self, Arrival};
use crate::sys::pidfd::{self, Poller};
use crate::sys::process;
use std::collections::HashMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, Weak};

/// Watched by one thread at most; fewer where the table of descriptors is small.
const MOST: usize = 4096;
/// Descriptors that a watch needs for itself.
const SPARE: usize = 16;
/// How often to look at what has no pidfd.
const LOOK_MS: u64 = 50;
/// How long a helper that was asked to end its process may take.
const LAST_RESORT_NS: u64 = 200_000_000;
/// The number of the line among what is slept on.
const LINE: u64 = 0;

pub(super) fn last_resort_ns() -> u64 {
    now_ns() + LAST_RESORT_NS
}

/// What may be watched.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum What {
    /// An object of a process or thread, and its serial number.
    Object(u32, u64),
    /// A child that has not joined.
    Heir(Heir),
}

/// One of them, in a session.
pub(crate) struct Watched {
    pub session: Weak<Session>,
    pub what: What,
    /// When to kill what has not ended by then; 0 = not.
    pub kill_ns: u64,
}

type Key = (usize, What);

fn number(session: &Weak<Session>) -> usize {
    session.as_ptr() as usize
}

impl Watched {
    fn key(&self) -> Key {
        (number(&self.session), self.what)
    }

    /// Is there anything to watch still?
    fn is_open(&self) -> bool {
        let session = self.session.upgrade().filter(|session| !session.is_left());
        session.is_some_and(|session| match self.what {
            What::Object(object, serial) => session.is_to_be_watched(object, serial),
            What::Heir(heir) => session.life_of_heir(heir).is_some(),
        })
    }

    /// Which process or thread that is; `None`: there is nothing to watch any more.
    fn life(&self) -> Option<Life> {
        let session = self.session.upgrade().filter(|session| !session.is_left())?;
        match self.what {
            What::Object(object, serial) => session.life_of(object, serial),
            What::Heir(heir) => session.life_of_heir(heir),
        }
    }
}

/// What a thread is to watch.
struct Watch {
    line: Kept,
    /// With the number of each request.
    requests: Mutex<Vec<(u64, Watched)>>,
    /// How many it watches, or will.
    load: AtomicU32,
}

/// The threads of this process, and which of them watches what.
#[derive(Default)]
struct Watches {
    pid: u32,
    threads: Vec<Arc<Watch>>,
    /// Of the last request.
    number: u64,
    assigned: HashMap<Key, Assigned>,
    /// The object of each process or thread, where the request came with its pidfd.
    objects: HashMap<(usize, Life), Key>,
}

/// What is watched, or will be.
struct Assigned {
    /// The place of its thread.
    place: usize,
    life: Option<Life>,
    /// It stands for a child that has not joined, too: see [`stands_for`].
    is_child: bool,
}

static WATCHES: Mutex<Option<Watches>> = Mutex::new(None);

/// The list, while nobody else has it: held over a fork, so that the child finds it whole.
pub(super) struct Still(
    #[expect(dead_code, reason = "held, not read")] std::sync::MutexGuard<'static, Option<Watches>>,
);

pub(super) fn keep_still() -> Still {
    Still(locked(&WATCHES))
}

/// Does this process watch that process as an object already? Then it need not watch it as a child that has not joined:
/// the end of either is told as one. When it watches the object no longer, its helper looks at its neighbours again.
pub(super) fn stands_for(session: &Weak<Session>, life: Life) -> bool {
    let mut guard = locked(&WATCHES);
    let Some(watches) = guard.as_mut().filter(|watches| watches.pid == process::pid()) else { return false };
    let object = watches.objects.get(&(number(session), life));
    let Some(assigned) = object.and_then(|key| watches.assigned.get_mut(key)) else { return false };
    assigned.is_child = true;
    true
}

/// Watch an object, unless this process does already: by the pidfd of that life, or one of its own.
pub(super) fn watch(watched: Watched, by: Option<(&OwnedFd, Life)>) {
    let (descriptor, life) = by.unzip();
    let mut guard = locked(&WATCHES);
    let watches = guard.get_or_insert_with(Watches::default);
    if watches.pid != process::pid() {
        // Forked off: those threads are our parent's.
        *watches = Watches { pid: process::pid(), ..Watches::default() };
    }
    let key = watched.key();
    let known = watches.assigned.get(&key).map(|assigned| assigned.place);
    if known.is_some() && watched.kill_ns == 0 {
        return;
    }
    let room = pidfd::descriptor_limit().saturating_sub(SPARE).clamp(1, MOST) as u32;
    let has_room = |watch: &Arc<Watch>| watch.load.load(Ordering::Relaxed) < room && watch.line.get().is_some();
    let place = match known.or_else(|| watches.threads.iter().position(has_room)) {
        Some(place) => place,
        None => match start() {
            Some(watch) => {
                watches.threads.push(watch);
                watches.threads.len() - 1
            }
            None => return, // the next wait asks again
        },
    };
    watches.number += 1;
    let (number, watch) = (watches.number, &watches.threads[place]);
    if known.is_none() {
        watches.assigned.insert(key, Assigned { place, life, is_child: false });
        watches.objects.extend(life.map(|life| ((key.0, life), key)));
        watch.load.fetch_add(1, Ordering::Relaxed);
    }
    let mut requests = locked(&watch.requests);
    requests.push((number, watched));
    if let Some(line) = watch.line.get()
        && parcels::send(&line, number, descriptor).is_err()
        && descriptor.is_some()
    {
        let _ = parcels::send(&line, number, None); // too many are on their way
    }
}

fn forget(watched: &Watched) {
    let mut guard = locked(&WATCHES);
    let Some(watches) = guard.as_mut().filter(|watches| watches.pid == process::pid()) else { return };
    let key = watched.key();
    let Some(assigned) = watches.assigned.remove(&key) else { return };
    watches.threads[assigned.place].load.fetch_sub(1, Ordering::Relaxed);
    if let Some(life) = assigned.life {
        watches.objects.remove(&(key.0, life));
    }
    drop(guard);
    if assigned.is_child
        && let Some(session) = watched.session.upgrade().filter(|session| !session.is_left())
    {
        session.poke(session.slot());
    }
}

fn start() -> Option<Arc<Watch>> {
    let (sending, receiving) = parcels::line().ok()?;
    let watch = Watch { line: Kept::new(sending).ok()?, requests: Mutex::default(), load: AtomicU32::new(0) };
    let watch = Arc::new(watch);
    let mine = Arc::clone(&watch);
    let number = receiving.as_raw_fd();
    let (ready, answer) = std::sync::mpsc::channel();
    let spawned = process::with_signals_blocked(|| {
        std::thread::Builder::new().name("ntipc-pidfds".into()).stack_size(256 << 10).spawn(move || {
            let parted = pidfd::part_descriptors(number);
            let _ = ready.send(parted);
            run(&mine, number);
        })
    });
    let parted = answer.recv();
    if spawned.is_ok() && parted == Ok(false) {
        std::mem::forget(receiving); // the thread uses it in the table of the process
    }
    (spawned.is_ok() && parted.is_ok()).then_some(watch)
}

/// One that is watched.
struct Case {
    watched: Watched,
    life: Life,
    /// `None`: looked at from time to time.
    descriptor: Option<OwnedFd>,
}

impl Case {
    /// What is to be watched, or how it has ended already.
    fn open(watched: Watched, life: Life, given: Option<OwnedFd>) -> Result<Case, (Watched, Option<i32>)> {
        if given.is_some() {
            return Ok(Case { watched, life, descriptor: given });
        }
        let is_it = || process::stat(life.number).is_none_or(|stat| stat.start_time == life.start_time);
        match pidfd::open(life.number, life.is_thread) {
            Ok(descriptor) => match is_it() && pidfd::exists(&descriptor) {
                true => Ok(Case { watched, life, descriptor: Some(descriptor) }),
                false => Err((watched, None)),
            },
            Err(error) => match error.raw_os_error() {
                Some(libc::ESRCH) => Err((watched, None)),
                Some(libc::EINVAL | libc::ENOENT) if !life.is_thread => Err((watched, None)), // a thread has the number
                _ => Ok(Case { watched, life, descriptor: None }),
            },
        }
    }

    /// Without a descriptor: is it over?
    fn has_ended(&self) -> bool {
        match &self.descriptor {
            Some(descriptor) => pidfd::has_ended(descriptor),
            None => process::stat(self.life.number)
                .is_none_or(|stat| stat.start_time != self.life.start_time || matches!(stat.state, 'Z' | 'X')),
        }
    }

    fn exit_code(&self) -> Option<i32> {
        let descriptor = self.descriptor.as_ref()?;
        pidfd::exit_code(descriptor, self.life.number, self.life.start_time)
    }
}

fn run(watch: &Watch, line: i32) {
    let Ok(poller) = Poller::new() else { return };
    if poller.add(&line, LINE).is_err() {
        return;
    }
    let mut cases: HashMap<u64, Case> = HashMap::new();
    let mut numbers: HashMap<Key, u64> = HashMap::new();
    let mut is_open = true;
    loop {
        let mut given: HashMap<u64, OwnedFd> = HashMap::new();
        let mut waiting = locked(&watch.requests);
        while is_open {
            match parcels::receive(&line) {
                Arrival::Message(number, descriptor) => given.extend(descriptor.map(|descriptor| (number, descriptor))),
                Arrival::Empty => break,
                Arrival::End => {
                    poller.remove(&line);
                    is_open = false;
                }
            }
        }
        let requests = std::mem::take(&mut *waiting);
        drop(waiting);
        if !is_open && requests.is_empty() && cases.is_empty() {
            return; // nothing more will come
        }
        for (number, watched) in requests {
            let key = watched.key();
            if let Some(case) = numbers.get(&key).and_then(|number| cases.get_mut(number)) {
                case.watched.kill_ns = watched.kill_ns;
                continue;
            }
            let Some(life) = watched.life() else {
                forget(&watched); // another namespace's, or over
                continue;
            };
            match Case::open(watched, life, given.remove(&number)) {
                Ok(mut case) => {
                    if case.descriptor.as_ref().is_some_and(|fd| poller.add(fd, number).is_err()) {
                        case.descriptor = None;
                    }
                    numbers.insert(key, number);
                    cases.insert(number, case);
                }
                Err((watched, code)) => tell(&watched, life, code),
            }
        }
        // What nobody has open any more.
        cases.retain(|_, case| {
            let is_open = case.watched.is_open();
            if !is_open {
                forget(&case.watched);
                numbers.remove(&case.watched.key());
            }
            is_open
        });
        let mut over = poller.sleep(until_next_look(&cases));
        let now = now_ns();
        for (number, case) in &mut cases {
            if case.descriptor.is_none() && case.has_ended() {
                over.push(*number);
            }
            if (1..=now).contains(&case.watched.kill_ns) {
                case.watched.kill_ns = 0;
                let _ = lives::kill(case.life); // that of another user lives on
            }
        }
        for number in over {
            if let Some(case) = cases.remove(&number) {
                numbers.remove(&case.watched.key());
                let code = case.exit_code();
                tell(&case.watched, case.life, code);
            }
        }
    }
}

/// Milliseconds until something is to be done that no descriptor tells of; below 0: never.
fn until_next_look(cases: &HashMap<u64, Case>) -> i32 {
    let now = now_ns();
    let due = cases.values().filter_map(|case| match (case.watched.kill_ns, &case.descriptor) {
        (0, Some(_)) => None,
        (0, None) => Some(LOOK_MS),
        (kill_ns, _) => Some((kill_ns.saturating_sub(now) / 1_000_000 + 1).min(LOOK_MS)),
    });
    due.min().map_or(-1, |milliseconds| milliseconds as i32)
}

fn tell(watched: &Watched, life: Life, code: Option<i32>) {
    forget(watched);
    if let Some(session) = watched.session.upgrade().filter(|session| !session.is_left()) {
        session.life_ended(watched.what, life, code);
    }
}
