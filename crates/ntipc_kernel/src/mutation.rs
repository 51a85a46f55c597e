//! Ingredients of recovery that a build for the mutation check can leave out, one at a time, to see which test misses
//! it. Nothing of this exists in any other build.

macro_rules! ingredients {
    ($($(#[doc = $what:literal])* $ingredient:ident = $name:literal),* $(,)?) => {
        /// A part of the protocols without which some death does harm.
        #[derive(Clone, Copy)]
        #[repr(u32)]
        pub enum Ingredient { $($(#[doc = $what])* $ingredient),* }

        /// The names, in the order of [`Ingredient`]; empty unless compiled for the check.
        #[cfg(feature = "mutations")]
        pub const NAMES: &[&str] = &[$($name),*];
        #[cfg(not(feature = "mutations"))]
        pub const NAMES: &[&str] = &[];
    };
}

ingredients! {
    /// Recovery repeats the step that the journal holds.
    JournalRedo = "journal-redo",
    /// A refund has a tag of its own in the journal, so that its repetition does not lead to a second refund.
    RefundTag = "refund-tag",
    /// What a thread is about to own is noted before it owns it.
    Intent = "intent",
    /// A result that the dead never took is given back.
    Refund = "refund",
    /// But not to an object that came into the place of the one it was taken from.
    RefundGeneration = "refund-generation",
    /// The waits of the dead are withdrawn.
    Withdrawal = "withdrawal",
    /// The chance offered to a waiter that dies is offered to the next.
    OfferAgain = "offer-again",
    /// A thread that was told something is woken again after a death.
    Rewake = "re-wake",
    /// Recovery looks at every waiter.
    Reevaluation = "re-evaluation",
    /// Recovery tells those who wait for timers to look at the clock again.
    TimersAgain = "timers-again",
    /// Recovery ends a pulse that was cut short.
    PulseEnd = "pulse-end",
    /// Recovery counts the handles again.
    Recount = "recount",
    /// Recovery rebuilds the wait lists.
    Relink = "relink",
    /// Recovery rebuilds name chains and free lists.
    Relist = "relist",
    /// The life word is held before the process takes part.
    LifeFirst = "life-first",
    /// A watcher reaps in place of one that is nearer to the dead and does not run.
    Deputies = "deputies",
    /// Each watcher of a process sleeps on a word of its own.
    OwnWords = "own-words",
    /// Threads that wait look for the dead that nobody reaps.
    WaitersLook = "waiters-look",
    /// The handles of a parent killed in a fork wait for its child.
    ForkGrace = "fork-grace",
    /// Before it acts on a life word once seen, the reaper makes sure that it still says so.
    SeenAgain = "seen-again",
    /// What a dead thread had in hand of a queue is settled.
    Settle = "settle",
    /// Pages that it had in hand are given back.
    HandChains = "hand-chains",
    /// But not those of a frame that it has published.
    PublishedForget = "published-forget",
    /// Nor are its pages forgotten once it has taken them, whether or not it still holds the side.
    OwnChain = "own-chain",
    /// A frame that it had taken is taken for all.
    TakeRedo = "take-redo",
    /// The side that it held is free.
    SideUnlock = "side-unlock",
    /// Its turn is over.
    SettleTurn = "settle-turn",
    /// The threads that it might have told are told.
    SettleSignal = "settle-signal",
    /// Its intent is there while it waits, so that what it was told is passed on.
    IntentBeforeWait = "intent-before-wait",
    /// Recovery repeats the step of the page pool.
    PoolRedo = "pool-redo",
    /// And what was being thrown away is.
    DrainRedo = "drain-redo",
    /// A frame that is thrown away counts as taken for its badge.
    DrainCount = "drain-count",
    /// When the last handle of an end goes, the waiters of the other are told.
    EndTold = "end-told",
    /// All of them.
    EndTellsAll = "end-tells-all",
    /// Handles that the dead had in hand on their way into a frame or out of one are dropped.
    HandRefs = "hand-refs",
    /// Of those, recovery forgets each that is in no frame any more, or not yet.
    RefsOneByOne = "refs-one-by-one",
    /// Recovery counts the handles that lie in frames.
    InFlightCounted = "in-flight-counted",
    /// Callers are told when nobody will answer them.
    LostTold = "lost-told",
    /// A reader that waits is told of a notice.
    NoticeTold = "notice-told",
    /// Queues that only their own frames lead to are emptied.
    Collect = "collect",
    /// A loop that arms its watches again rings for the relay.
    ArmRings = "arm-rings",
    // From here on: what living threads need, and windows too narrow for deaths by chance. The models miss each.
    /// Each acquisition of a lock word has a number of its own.
    AcquisitionSerial = "acquisition-serial",
    /// The notice of a badge comes after the frame that somebody is putting.
    NoticeCountsPut = "notice-counts-put",
    /// A waiter looks whether another, which was told, acts.
    Lookouts = "lookouts",
    /// Such a one that goes leaves its duty to others.
    LookoutHandedOn = "lookout-handed-on",
    /// A turn that is not used ends.
    TurnEnds = "turn-ends",
    /// A thread that has waited for a lock acquires it as contended: others may sleep on it.
    StillContended = "still-contended",
    /// A wait keeps fast paths away from its objects before it looks at them.
    FlagFirst = "flag-first",
    /// From all of them, not from the first alone.
    FlagEvery = "flag-every",
    /// A waiter falls asleep by compare-and-swap, so that it cannot miss a completion.
    SleepExchange = "sleep-exchange",
    /// A waiter that was told to compete looks once more after it has said that it waits again.
    RetryLooks = "retry-looks",
    /// And ends the offer before, so that a release from then on tells it.
    OfferEnds = "offer-ends",
    /// A thread that takes an offered mutant for another under the lock keeps fast paths away first, and looks again.
    OfferLooks = "offer-looks",
    /// Who gives up waiting takes what was handed to it meanwhile.
    CancelLooks = "cancel-looks",
    /// Until a pulse has ended, fast paths stay away even if nobody waits any more.
    PulseGuard = "pulse-guard",
    /// Recovery keeps fast paths away from an event in the middle of a pulse, waited for or not.
    PulseKept = "pulse-kept",
    /// A participant that comes or goes wakes the watchers of its place in the ring.
    WatchersTold = "watchers-told",
    /// A watcher wakes the others that sleep on one of its words.
    WordsCleared = "words-cleared",
    /// The slot of the dead comes free when all whom the death concerns are awake.
    FreedLast = "freed-last",
    /// A loop makes its descriptor unreadable before it says that it may be raised again.
    LowerReadsFirst = "lower-reads-first",
    /// The relay reads its bell before it looks what is armed.
    BellFirst = "bell-first",
    /// A thread that releases a process tells all readers of the debug log.
    LogBells = "log-bells",
    /// A reader of the debug log looks whether what it copied is still the line.
    LogChecked = "log-checked",
    /// A reader that is about to sleep looks after it has said so.
    LogArmLooks = "log-arm-looks",
    /// What a writer of the debug log that lives has begun is nobody else's.
    LogOwned = "log-owned",
}

#[cfg(feature = "mutations")]
mod chosen {
    use super::{Ingredient, NAMES};
    #[cfg(not(feature = "models"))]
    use crate::sync::{AtomicU32, Ordering};

    #[cfg(not(feature = "models"))]
    static LEFT_OUT: AtomicU32 = AtomicU32::new(u32::MAX);
    #[cfg(feature = "models")]
    thread_local! {
        /// Each thread of a test binary runs a model of its own.
        static LEFT_OUT: std::cell::Cell<u32> = const { std::cell::Cell::new(u32::MAX) };
    }

    pub fn is_left_out(ingredient: Ingredient) -> bool {
        #[cfg(not(feature = "models"))]
        let left_out = LEFT_OUT.load(Ordering::Relaxed);
        #[cfg(feature = "models")]
        let left_out = LEFT_OUT.get();
        left_out == ingredient as u32
    }

    /// Leave one out from now on. `false`: there is none of that name.
    pub fn leave_out(name: &str) -> bool {
        let found = NAMES.iter().position(|known| *known == name);
        let number = found.map_or(u32::MAX, |index| index as u32);
        #[cfg(not(feature = "models"))]
        LEFT_OUT.store(number, Ordering::Relaxed);
        #[cfg(feature = "models")]
        LEFT_OUT.set(number);
        found.is_some()
    }
}

#[cfg(feature = "mutations")]
pub use chosen::{is_left_out, leave_out};

/// Those that the storm and the sweep must miss.
pub fn recovery() -> &'static [&'static str] {
    &NAMES[..NAMES.len().min(Ingredient::AcquisitionSerial as usize)]
}

#[cfg(not(feature = "mutations"))]
pub fn leave_out(_name: &str) -> bool {
    false
}

/// True in a build for the mutation check that was told to do without the ingredient; else a constant.
macro_rules! without {
    ($ingredient:ident) => {{
        #[cfg(feature = "mutations")]
        let left_out = $crate::mutation::is_left_out($crate::mutation::Ingredient::$ingredient);
        #[cfg(not(feature = "mutations"))]
        let left_out = false;
        left_out
    }};
}
pub(crate) use without;
