//! What happens before each access to the arena: perhaps another thread runs, perhaps this one dies.
//!
//! Two kinds of words. *Meeting places* are touched by several threads without the dispatcher lock; before each access
//! to one the scheduler decides who runs. All other words are touched under the lock, or by one thread alone, so a
//! switch before them would only repeat what a switch at the next meeting place shows. A death may come before every
//! write that changes something, of either kind: the dead leave their stores in program order.

use crate::arena::layout::*;
use crate::sys::clock::NEVER;
use crate::sys::robust::{LifeWord, TID_MASK};
use std::cell::{Cell, RefCell};
use std::mem::offset_of;
use std::sync::atomic::Ordering;

/// A modelled thread, by the number that the scheduler has for it.
#[derive(Clone, Copy, Default)]
pub(super) struct Task {
    /// Its thread slot; `None` for an actor that is a helper thread.
    pub slot: Option<u32>,
    /// Steps left until its end; 0 = for ever.
    pub left: u32,
    pub end: End,
    /// It gives the lock back, and wakes those whom it told.
    pub wakes: bool,
}

/// What happens to a thread when its steps are over.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum End {
    #[default]
    Killed,
    /// Stopped until the run is over.
    Stopped,
    /// Stopped until all who live have come to their end; then it goes on.
    Paused,
}

/// A thread asleep on one futex or several.
pub(super) struct Sleeper {
    pub task: usize,
    pub places: Vec<usize>,
    pub deadline_ns: u64,
    pub thread: shuttle::thread::Thread,
}

pub(super) struct State {
    /// Where the modelled processes have mapped the arena.
    pub mappings: Vec<usize>,
    pub tasks: Vec<Task>,
    pub sleepers: Vec<Sleeper>,
    /// Those that were woken, and those whose time had come.
    pub woken: Vec<usize>,
    pub expired: Vec<usize>,
    pub now_ns: u64,
    pub clock: Option<shuttle::thread::Thread>,
    /// Those that are stopped, and whether they may end now.
    pub stopped: Vec<shuttle::thread::Thread>,
    pub over: bool,
    /// Nobody is killed any more, also of those who have not begun.
    pub spared: bool,
    /// Those that are paused, and whether they may go on now.
    pub paused: Vec<(u32, shuttle::thread::Thread)>,
    pub goes_on: bool,
    /// Those that were killed and whose words are not marked yet.
    pub dying: u32,
    /// Threads that wait look for the dead now and then.
    pub waiters_look: bool,
    /// Waiters are made to look whether somebody who was told acts.
    pub lookouts: bool,
    /// No waiter of a lock wakes by itself.
    pub locks_are_told: bool,
    /// A waiter of a lock soon looks what its owner does.
    pub owners_are_suspected: bool,
}

thread_local! {
    pub(super) static STATE: RefCell<Option<State>> = const { RefCell::new(None) };
    /// Threads of a model run; false while it is set up and judged.
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// What unwinds a modelled thread that is killed. Destructors of the kernel do nothing meanwhile.
pub(super) struct Killed;

/// The same for one that was stopped, at the end of the run.
pub(super) struct Stopped;

pub(super) fn set_running(running: bool) {
    RUNNING.set(running);
}

pub(super) fn is_running() -> bool {
    RUNNING.get()
}

pub(super) fn me() -> usize {
    shuttle::current::me().into()
}

pub(super) fn with<T>(body: impl FnOnce(&mut State) -> T) -> T {
    STATE.with_borrow_mut(|state| match state {
        Some(state) => body(state),
        None => panic!("no model is set up"),
    })
}

impl State {
    /// Where in the arena an address lies, whichever process's mapping it belongs to.
    pub fn offset_of(&self, place: usize) -> Option<usize> {
        self.mappings.iter().map(|base| place.wrapping_sub(*base)).find(|offset| *offset < ARENA_SIZE as usize)
    }

    /// What a futex is known by: its place in the arena, or its address if it is one process's own.
    pub fn futex_at(&self, place: usize) -> usize {
        self.offset_of(place).unwrap_or(place)
    }
}

fn is_meeting_place(offset: usize) -> bool {
    let at = offset as u64;
    let within = |begin: u64, size: usize| (at - begin) as usize % size;
    if at < BUCKETS_AT {
        let log = offset_of!(Header, log);
        return offset == offset_of!(Header, lock) || (log..log + offset_of!(LogHead, reader)).contains(&offset);
    }
    if (LOG_LINES_AT..PAGES_AT).contains(&at) {
        return true; // copied word by word while others write
    }
    if (PROCESSES_AT..THREADS_AT).contains(&at) {
        let field = within(PROCESSES_AT, size_of::<Process>());
        let bells = offset_of!(Process, bells);
        let is_bell = field >= bells && (field - bells) % size_of::<LifeWord>() == 0;
        return field == 0 // the life word
            || is_bell && field < bells + size_of::<[LifeWord; WATCHERS - 1]>()
            || field == offset_of!(Process, poke)
            || field == offset_of!(Process, watches);
    }
    if (THREADS_AT..OBJECTS_AT).contains(&at) {
        let field = within(THREADS_AT, size_of::<Thread>());
        return field == 0
            || field == offset_of!(Thread, progress)
            || field == offset_of!(Thread, process)
            || field == offset_of!(Thread, call);
    }
    if (OBJECTS_AT..CELLS_AT).contains(&at) {
        let field = within(OBJECTS_AT, size_of::<Object>());
        return field == offset_of!(Object, word) || field == offset_of!(Object, quantity);
    }
    if (QUEUES_AT..LINKS_AT).contains(&at) {
        let field = within(QUEUES_AT, size_of::<Queue>());
        return [
            offset_of!(Queue, broken),
            offset_of!(Queue, put_lock),
            offset_of!(Queue, take_lock),
            offset_of!(Queue, turn),
            offset_of!(Queue, tail),
            offset_of!(Queue, head),
            offset_of!(Queue, data_in),
            offset_of!(Queue, data_out),
        ]
        .contains(&field);
    }
    false
}

/// Another thread may run now.
pub(super) fn switch() {
    shuttle::thread::sleep(std::time::Duration::ZERO); // shuttle knows no time: a switch and nothing else
}

/// This thread may die or be stopped now.
pub(super) fn mortal() {
    let me = me();
    let ends = with(|state| {
        let task = &mut state.tasks[me];
        task.left = task.left.wrapping_sub(1);
        (task.left == 0).then_some(task.end)
    });
    match ends {
        Some(End::Stopped) if holds_the_lock() => with(|state| state.tasks[me].left = 1), // what cannot be cured
        Some(End::Paused) if !may_pause() => with(|state| state.tasks[me].left = 1),      // the same
        Some(End::Stopped) => stop(),
        Some(End::Paused) => pause(),
        Some(End::Killed) => {
            with(|state| state.dying += 1);
            std::panic::resume_unwind(Box::new(Killed));
        }
        None => {}
    }
}

/// Is the calling helper the owner of the dispatcher lock?
fn holds_the_lock() -> bool {
    let (base, tid) = with(|state| (state.mappings[0], tid_of(me())));
    // SAFETY: both are aligned words of the arena, which the model keeps mapped.
    let (lock, life) = unsafe {
        let word = (base + offset_of!(Header, lock)) as *mut u64;
        let lock =
            crate::process::lock_word::Seen::of(std::sync::atomic::AtomicU64::from_ptr(word).load(Ordering::SeqCst));
        let slot = lock.owner().wrapping_sub(crate::process::lock::HELPERS);
        let at = PROCESSES_AT as usize + slot.min(PROCESSES - 1) as usize * size_of::<Process>();
        (slot < PROCESSES, std::sync::atomic::AtomicU32::from_ptr((base + at) as *mut u32).load(Ordering::SeqCst))
    };
    lock && life & TID_MASK == tid
}

/// The calling thread begins to give the lock back, or has woken those whom it told. A pause in between delays them, as
/// the docs say.
pub(crate) fn set_wakes(wakes: bool) {
    if RUNNING.get() {
        let me = me();
        with(|state| state.tasks[me].wakes = wakes);
    }
}

/// Does the calling thread hold nothing that others have to wait for, so that it may be stopped for a while? No lock,
/// no mutant, no unit that was handed over to it.
fn may_pause() -> bool {
    let (base, task) = with(|state| (state.mappings[0], state.tasks[me()]));
    let (Some(slot), false) = (task.slot, task.wakes) else { return false };
    // SAFETY: aligned words of the arena, which the model keeps mapped; each is within its table.
    let word = |at: u64, field: usize| unsafe {
        std::sync::atomic::AtomicU64::from_ptr((base + at as usize + field) as *mut u64).load(Ordering::SeqCst)
    };
    // SAFETY: the same.
    let half = |at: u64, field: usize| unsafe {
        std::sync::atomic::AtomicU32::from_ptr((base + at as usize + field) as *mut u32).load(Ordering::SeqCst)
    };
    let holds = |at, field| crate::process::lock_word::Seen::of(word(at, field)).owner() == slot + 1;
    let queue_at = |body: u32| QUEUES_AT + u64::from(body) * size_of::<Queue>() as u64;
    let object_at = |object: u32| OBJECTS_AT + u64::from(object) * size_of::<Object>() as u64;
    let kind_of = |object| half(object_at(object), offset_of!(Object, kind));
    let is_mutant = |object| kind_of(object) == crate::object::kind::Kind::Mutant as u32;
    let holds_side = |body| {
        [offset_of!(Queue, put_lock), offset_of!(Queue, take_lock)].iter().any(|field| holds(queue_at(body), *field))
    };
    let owns = |object| {
        is_mutant(object)
            && crate::dispatch::signal::owner(word(object_at(object), offset_of!(Object, word))) == slot + 1
    };
    let state = half(THREADS_AT + u64::from(slot) * size_of::<Thread>() as u64, offset_of!(Thread, progress));
    let waits_for = half(BLOCKS_AT + u64::from(slot * BLOCKS) * size_of::<Block>() as u64, offset_of!(Block, object));
    let is_end = [crate::object::kind::Kind::ReadEnd, crate::object::kind::Kind::WriteEnd]
        .iter()
        .any(|kind| kind_of(waits_for) == *kind as u32);
    !holds(0, offset_of!(Header, lock))
        && !(0..half(0, offset_of!(Header, queue_high))).any(holds_side)
        && !(0..half(0, offset_of!(Header, object_high))).any(owns)
        && (is_end || !progress::is_done(state))
}

/// The calling thread is stopped until all who live have ended.
fn pause() {
    let thread = shuttle::thread::current();
    let slot = with(|state| {
        let slot = state.tasks[me()].slot.unwrap_or(u32::MAX);
        if !state.goes_on {
            state.paused.push((slot, thread));
        }
        slot
    });
    while with(|state| state.paused.iter().any(|(paused, _)| *paused == slot)) {
        shuttle::thread::park();
    }
}

/// A mutant or a unit was handed over to the thread in `slot`: if it is paused it goes on, since others have to wait
/// for it now.
pub(crate) fn handed_over(slot: u32, is_end: bool) {
    if !RUNNING.get() || is_end {
        return;
    }
    let place = with(|state| state.paused.iter().position(|(paused, _)| *paused == slot));
    if let Some(place) = place {
        with(|state| state.paused.remove(place)).1.unpark();
    }
}

/// Let those who are paused go on.
pub(super) fn go_on() {
    let paused = with(|state| {
        state.goes_on = true;
        std::mem::take(&mut state.paused)
    });
    paused.iter().for_each(|(_, thread)| thread.unpark());
}

/// The calling thread is stopped until the run is over.
pub(super) fn stop() -> ! {
    let thread = shuttle::thread::current();
    with(|state| state.stopped.push(thread));
    while !with(|state| state.over) {
        shuttle::thread::park();
    }
    std::panic::resume_unwind(Box::new(Stopped));
}

/// Is the calling thread to be stopped some time?
pub(super) fn will_stop() -> bool {
    let me = me();
    with(|state| state.tasks[me].end == End::Stopped && state.tasks[me].left != 0)
}

/// Thread ids of the model.
pub(super) fn tid_of(task: usize) -> u32 {
    5000 + task as u32
}

/// The same for the calling thread; `None`: no model runs.
pub(crate) fn tid() -> Option<u32> {
    RUNNING.get().then(|| tid_of(me()))
}

/// Whether threads that wait look for the dead.
pub(crate) fn waiters_look() -> bool {
    STATE.with_borrow(|state| state.as_ref().is_none_or(|state| state.waiters_look))
}

/// Whether waiters are made to look whether somebody who was told acts.
pub(crate) fn has_lookouts() -> bool {
    STATE.with_borrow(|state| state.as_ref().is_none_or(|state| state.lookouts))
}

/// Until when a thread sleeps that waits for a lock.
pub(crate) fn patience_with_locks(until_ns: u64) -> u64 {
    STATE.with_borrow(|state| if state.as_ref().is_some_and(|state| state.locks_are_told) { NEVER } else { until_ns })
}

/// The time, for somebody who has waited for a lock: a second more, if that is long.
pub(crate) fn longer_if_owners_are_suspected(now: u64) -> u64 {
    let suspected = STATE.with_borrow(|state| state.as_ref().is_some_and(|state| state.owners_are_suspected));
    now + if suspected { 1_000_000_000 } else { 0 }
}

/// Look whether a thread is elsewhere. The look takes time: it may come to its end long after the thread was there, and
/// tell later still.
pub(crate) fn look_slowly(is_elsewhere: impl Fn() -> bool) -> bool {
    if !RUNNING.get() {
        return is_elsewhere();
    }
    for _ in 0..choose(60) {
        if is_elsewhere() {
            break;
        }
        spin_loop();
    }
    let elsewhere = is_elsewhere();
    for _ in 0..if elsewhere { choose(60) } else { 0 } {
        spin_loop();
    }
    elsewhere
}

/// In place of a look into /proc: does the owner of that number sleep in a wait? `None`: no model runs.
pub(crate) fn is_elsewhere(owner: u32) -> Option<bool> {
    let place =
        THREADS_AT as usize + (owner as usize).wrapping_sub(1) * size_of::<Thread>() + offset_of!(Thread, progress);
    let sleeps = || {
        with(|state| {
            let slot = |sleeper: &Sleeper| state.tasks[sleeper.task].slot.map(|slot| slot + 1);
            state.sleepers.iter().any(|sleeper| slot(sleeper) == Some(owner) && sleeper.places.contains(&place))
        })
    };
    RUNNING.get().then(|| look_slowly(sleeps))
}

#[inline]
pub(super) fn before_read(place: usize) {
    if RUNNING.get() && with(|state| state.offset_of(place)).is_some_and(is_meeting_place) {
        switch();
    }
}

#[inline]
pub(super) fn before_write(place: usize, changes: bool) {
    if !RUNNING.get() {
        return;
    }
    let Some(offset) = with(|state| state.offset_of(place)) else { return };
    if is_meeting_place(offset) {
        switch();
    }
    if changes {
        mortal();
    }
}

/// True once in `of` times, for words of the arena while a model runs.
pub(super) fn chance(place: usize, of: u64) -> bool {
    RUNNING.get() && with(|state| state.offset_of(place)).is_some() && once_in(of)
}

pub(super) fn once_in(of: u64) -> bool {
    choose(of) == 0
}

/// A number below `of`, chosen by the scheduler.
pub fn choose(of: u64) -> u64 {
    use shuttle::rand::RngCore;
    shuttle::rand::thread_rng().next_u64() % of
}

/// The modelled time. It may jump, in steps that matter to hand-over, whenever somebody looks.
pub(crate) fn now_ns() -> Option<u64> {
    if STATE.with_borrow(Option::is_none) {
        return None;
    }
    let jump = if RUNNING.get() && once_in(8) { 2 * crate::dispatch::evaluate::HAND_OVER_NS } else { 1 };
    Some(with(|state| {
        state.now_ns = (state.now_ns + jump).min(NEVER - 1);
        state.now_ns
    }))
}

/// In place of the hint to the processor.
pub fn spin_loop() {
    if RUNNING.get() {
        shuttle::hint::spin_loop();
    }
}

/// The slot of the calling modelled thread.
pub(crate) fn thread_slot() -> Option<u32> {
    if STATE.with_borrow(Option::is_none) {
        return None;
    }
    with(|state| state.tasks[me()].slot)
}
