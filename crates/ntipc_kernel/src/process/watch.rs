//! The watch of a helper over its neighbours: it sleeps until one of them dies, and sees to it that somebody reaps the
//! dead.
//!
//! The nearest watcher that lives reaps at once. Each further one gives those before it [`PATIENCE_NS`] each: they may
//! be stopped, or get no processor. So a death is told within that time for each watcher that does not run, and
//! ordinarily at once. Nothing else is timed while everybody lives and nothing is damaged, except a look-round that
//! comes ever more rarely: memory that was scribbled on may hide a death from Linux, and the session may be without a
//! caretaker.
//!
//! If all watchers of a process are stopped (a frozen container), threads that wait are the last resort. A sleeping
//! thread looks at life words 100 ms after its wait began, and then ever more rarely; if it sees a death that nobody
//! has dealt with, it raises the alarm ([`Session::look_for_the_dead`]), and its own helper joins the watchers of the
//! dead, as the last of them.
//!
//! A case is a death that was seen and is not dealt with. It ends when the slot is free, whichever watcher freed it. A
//! thread of the dead that still runs keeps its own case open and no other.

use super::helper::{is_hidden_death, must_stop};
use super::lock::helper_owner;
use super::neighbours::Neighbour;
use super::reap::{Death, Reaped};
use crate::arena::layout::{IN_FRAMES, WATCHERS, ending};
use crate::fault;
use crate::mutation::without;
use crate::session::{Session, sessions};
use crate::sync::{Ordering, Shared, fence};
use crate::sys::clock::{NEVER, now_ns};
use crate::sys::futex::{self, WAITV_MAX, Waitv};
use crate::sys::process;
use crate::sys::robust::{HEIR, is_held};
use smallvec::SmallVec;

/// How long a watcher waits for each one that is nearer to the dead.
const PATIENCE_NS: u64 = 20_000_000;
/// The first look-round after the process has begun to take part, or its neighbours have changed; the time doubles with
/// each.
const LOOK_ROUND_NS: u64 = 1_000_000_000;
/// The first look again at a case that could not be closed; the time doubles with each, up to a longest one for the
/// nearest watcher.
const AGAIN_NS: u64 = 2_000_000;
const LONGEST_AGAIN_NS: u64 = 64_000_000;
/// A waiting thread looks for the dead when it has waited for so long, for twice as long, four times, ...
const FIRST_LOOK_NS: u64 = 100_000_000;

struct Case {
    death: Death,
    since_ns: u64,
    /// Watchers that are to deal with it before this one.
    rank: usize,
    again_ns: u64,
    pause_ns: u64,
}

impl Case {
    fn due_ns(&self) -> u64 {
        self.since_ns + self.rank as u64 * PATIENCE_NS
    }
}

/// Is a life over, of which that is the word?
fn is_dead(life: u32) -> bool {
    life != 0 && !is_held(life)
}

/// What a look at the ring came to.
enum Seen {
    /// Look again at once: something has changed meanwhile.
    Changed,
    /// Sleep until then.
    Quiet(u64),
}

struct Watch<'a> {
    session: &'a Session,
    slot: u32,
    me: u32,
    cases: Vec<Case>,
    /// Neighbours on whose words this helper slept last, with the rank of each.
    listed: SmallVec<[(u32, usize); 8]>,
    look_round_ns: u64,
    pause_ns: u64,
    words: SmallVec<[Waitv; 16]>,
}

/// Watch the neighbours of the participant in `slot`, which is this process, until told to stop.
pub(crate) fn watch(session: &Session, slot: u32) {
    let mut watch = Watch {
        session,
        slot,
        me: helper_owner(slot),
        cases: Vec::new(),
        listed: SmallVec::new(),
        look_round_ns: if cfg!(feature = "models") { NEVER } else { now_ns() + LOOK_ROUND_NS },
        pause_ns: LOOK_ROUND_NS,
        words: SmallVec::new(),
    };
    while !must_stop(session) {
        if let Seen::Quiet(until_ns) = watch.look() {
            futex::wait_many(&watch.words, until_ns); // P5
        }
    }
}

impl Watch<'_> {
    fn look(&mut self) -> Seen {
        let (session, arena) = (self.session, &self.session.arena);
        let record = arena.process(self.slot);
        self.words.clear();
        self.words.push(Waitv::new(&record.poke, record.poke.load(Ordering::Acquire))); // P1
        self.words.push(Waitv::new(&session.stop, 0));
        fence(Ordering::SeqCst); // P2
        let request = record.exit_request.load(Ordering::Acquire);
        if request & !ending::CODE == ending::REQUEST {
            process::end_at_once(request as u32 as i32);
        }
        session.note_ended_lives(self.me);
        if record.watches.get() == 0 {
            return Seen::Quiet(NEVER);
        }
        let now = now_ns();
        if session.alarm.swap(0, Ordering::AcqRel) != 0 {
            self.open_all_cases(now);
        }
        let living = self.look_at_neighbours(now); // P3
        let (reaped, mut until_ns) = self.deal_with_cases(now);
        if reaped || self.look_round(&living, now) {
            return Seen::Changed;
        }
        let last = living.first().is_none_or(|neighbour| neighbour.slot < self.slot);
        for free in arena.places_beside(self.slot, last) {
            self.words.push(Waitv::new(free, 0));
        }
        let mut listed = SmallVec::new();
        for Neighbour { slot, rank, life } in living {
            if life == HEIR {
                session.watch_heir(slot);
            }
            let word = arena.process(slot).word_of_watcher(rank);
            let seen = if rank == 0 || without!(OwnWords) { life } else { word.load(Ordering::Acquire) };
            if !is_held(seen) {
                // Marked after the life word, or not taken yet by a newcomer, which will tell.
                if arena.process(slot).life.word.load(Ordering::Acquire) != life {
                    return Seen::Changed;
                }
                continue;
            }
            if !without!(WordsCleared) {
                futex::wake(word, i32::MAX); // P4
            }
            if self.words.len() < WAITV_MAX {
                self.words.push(Waitv::new(word, seen));
            } else {
                until_ns = until_ns.min(now + LONGEST_AGAIN_NS);
            }
            listed.push((slot, rank));
        }
        if listed != self.listed {
            self.listed = listed;
            self.pause_ns = LOOK_ROUND_NS;
            if !cfg!(feature = "models") {
                self.look_round_ns = self.look_round_ns.min(now + LOOK_ROUND_NS);
            }
        }
        Seen::Quiet(until_ns.min(self.look_round_ns))
    }

    /// Open a case for each neighbour that is dead; the neighbours that live.
    fn look_at_neighbours(&mut self, now: u64) -> SmallVec<[Neighbour; 8]> {
        let arena = &self.session.arena;
        self.cases.iter_mut().for_each(|case| case.rank = WATCHERS);
        let mut living = SmallVec::new();
        for neighbour in arena.neighbours_of(self.slot) {
            if is_held(neighbour.life) {
                living.push(neighbour);
                for case in self.cases.iter_mut().filter(|case| case.death.slot == neighbour.slot) {
                    case.rank = neighbour.rank; // a hidden death
                }
            } else {
                self.open_case(Death::of(arena, neighbour.slot, neighbour.life, false), neighbour.rank, now);
            }
        }
        living
    }

    fn open_case(&mut self, death: Death, rank: usize, now: u64) {
        let same = |case: &&mut Case| Death { hidden: false, ..case.death } == Death { hidden: false, ..death };
        match self.cases.iter_mut().find(same) {
            Some(case) => case.rank = case.rank.min(rank),
            None => self.cases.push(Case { death, since_ns: now, rank, again_ns: 0, pause_ns: AGAIN_NS }),
        }
    }

    /// A thread of this process has seen a death that nobody deals with.
    fn open_all_cases(&mut self, now: u64) {
        let arena = &self.session.arena;
        for slot in IN_FRAMES + 1..arena.processes() {
            let life = arena.process(slot).life.word.load(Ordering::Acquire);
            if is_dead(life) {
                self.open_case(Death::of(arena, slot, life, false), WATCHERS, now);
            }
        }
        self.session.reap_stray_threads(self.me);
    }

    /// Reap where it is our turn. Whether a slot came free, and when to look again. Words of threads that still run are
    /// slept on.
    fn deal_with_cases(&mut self, now: u64) -> (bool, u64) {
        let (session, arena) = (self.session, &self.session.arena);
        let (mut reaped, mut until_ns) = (false, NEVER);
        let words = &mut self.words;
        self.cases.retain_mut(|case| {
            if !case.death.is_current(arena) {
                return false;
            }
            if case.rank > 0 && without!(Deputies) {
                return true;
            }
            if case.due_ns() > now {
                until_ns = until_ns.min(case.due_ns());
                return true;
            }
            let Reaped::NotYet(running) = session.reap(self.me, &case.death) else {
                reaped = true;
                return false;
            };
            if now >= case.again_ns {
                case.again_ns = now + case.pause_ns;
                case.pause_ns = (case.pause_ns * 2).min(LONGEST_AGAIN_NS << case.rank);
            }
            // A life word of a thread may have been scribbled on, and will not be marked.
            case.death.hidden |= now - case.since_ns > LOOK_ROUND_NS && is_hidden_death(session, case.death.slot);
            until_ns = until_ns.min(case.again_ns);
            for thread in running {
                let word = &arena.thread(thread).life.word;
                let seen = word.load(Ordering::Acquire);
                if is_held(seen) && words.len() < WAITV_MAX / 2 {
                    words.push(Waitv::new(word, seen));
                }
            }
            true
        });
        if reaped {
            session.reap_stray_threads(self.me);
            session.finish_drains(self.me);
        }
        (reaped, until_ns)
    }

    /// Look for what Linux does not tell, if it is time to. Whether a case was opened.
    fn look_round(&mut self, living: &[Neighbour], now: u64) -> bool {
        if now < self.look_round_ns {
            return false;
        }
        self.pause_ns = self.pause_ns.saturating_mul(2);
        self.look_round_ns = now.saturating_add(self.pause_ns);
        self.session.see_to_caretaker();
        if living.is_empty() {
            return false; // there is nobody whose death could be hidden
        }
        self.session.reap_stray_threads(self.me);
        self.session.finish_drains(self.me);
        let before = self.cases.len();
        for neighbour in living.iter().filter(|neighbour| is_hidden_death(self.session, neighbour.slot)) {
            let death = Death::of(&self.session.arena, neighbour.slot, neighbour.life, true);
            self.open_case(death, neighbour.rank, now);
        }
        self.cases.len() > before
    }
}

impl Session {
    /// When a thread that waits since `since_ns` is to look for the dead. A thread that goes on with its sleep after
    /// that time looks at once.
    #[inline]
    pub(crate) fn first_look_ns(since_ns: u64) -> u64 {
        #[cfg(feature = "models")]
        if !crate::models::step::waiters_look() {
            return NEVER;
        }
        match without!(WaitersLook) {
            true => NEVER,
            false => since_ns.saturating_add(FIRST_LOOK_NS),
        }
    }

    /// The same for the next time, after `now`.
    pub(crate) fn next_look_ns(since_ns: u64, now: u64) -> u64 {
        let looks = (now.saturating_sub(since_ns) / FIRST_LOOK_NS).max(1);
        since_ns.saturating_add(FIRST_LOOK_NS.saturating_mul(2 << looks.ilog2()))
    }

    /// If somebody is dead and nobody has dealt with it, have our helper see to it. Reads memory alone, but for a look
    /// at the directory.
    #[cold]
    pub(crate) fn look_for_the_dead(&self) {
        let _ = self.look_for_directory(); // the damage that it notes ends the wait
        if self.has_unreaped() || (0..self.arena.threads()).any(|slot| is_dead(self.arena.thread(slot).life.word.get()))
        {
            self.alarm.store(1, Ordering::Release);
            self.poke(self.slot());
        }
    }

    /// Is a participant dead whose handles no watcher has closed yet, as far as Linux has told? Reads memory alone.
    pub fn has_unreaped(&self) -> bool {
        let arena = &self.arena;
        (IN_FRAMES + 1..arena.processes()).any(|slot| is_dead(arena.process(slot).life.word.load(Ordering::Acquire)))
    }
}

impl Session {
    /// Whether this process watches others in the session. A test keeps it from that.
    pub fn let_watch(&self, watches: bool) {
        if self.is_attached() {
            self.arena.process(self.slot()).watches.put(u32::from(watches));
            self.tell_watchers(self.slot());
            self.poke(self.slot());
        }
    }
}

/// The same for every session, those to come included; without effect in an ordinary build.
pub fn let_watch(watches: bool) {
    fault::set_eligible(watches);
    sessions().iter().for_each(|session| session.let_watch(fault::is_eligible()));
}
