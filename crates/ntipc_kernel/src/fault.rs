//! Fault points: places where a test kills the process that passes. Nothing of this exists in an ordinary build.

macro_rules! fault_points {
    ($($point:ident),* $(,)?) => {
        /// A labelled step of a protocol.
        #[derive(Clone, Copy)]
        #[repr(u32)]
        pub enum Point { $($point),* }

        /// The labels, in the order of [`Point`]; empty unless compiled for tests.
        #[cfg(feature = "faults")]
        pub const NAMES: &[&str] = &[$(stringify!($point)),*];
        #[cfg(not(feature = "faults"))]
        pub const NAMES: &[&str] = &[];
    };
}

fault_points! {
    // the dispatcher lock
    LockTaken, LockBeforeRelease, LockReleased, BetweenWakes,
    // attachment
    SlotClaimed, SlotAttached, ThreadClaimed,
    // objects, names, handles
    ObjectTaken, ObjectFilled, ObjectPublished, NameLinked, HandleBeforeCount, HandleStored,
    CloseCleared, CloseCounted, FreeUnnamed, FreeMarked, FreeListed,
    // waits
    WaitRecorded, WaitPublished, WaitFlagged, WaitLinked, WaitLinkHalf, WaitWithdrawn, WaitBeforeSleep, WaitWoken,
    UnlinkHalf, UnlinkDone, RetryMarked,
    // the transaction that completes a wait
    JournalFilled, JournalValid, JournalApplied, JournalTold, JournalCleared,
    AckBeforeIdle, AckDone,
    // signals
    EventStored, SemaphoreStored, MutantFreed, PulseMarked, PulseSet, PulseReset, TimerTicked, TimerSet, TimerStarted,
    SignalBeforeWait, LockedTake,
    // fast paths
    FastEventSet, FastNoted, FastOwned, FastReleased, FastSemaphore,
    // death
    AbandonBefore, AbandonDone, RefundFlagged, RefundValid, RefundApplied, ReleaseThread, ReleaseThreadDone, ReleaseHandle,
    ReleaseProcessDone, ReapBegin, RecoverRedone, RecoverCounted, RecoverNamed, RecoverLinked, RecoverListed,
    RecoverEvaluated, ReaperElected,
    // sections
    SectionFileMade, SectionReserved, SectionPublished,
    // fork
    ForkBeforeCopy, ForkCopied,
}

#[cfg(feature = "faults")]
mod armed {
    use super::NAMES;
    use crate::sync::{AtomicI32, AtomicU32, Ordering};

    const ANY: u32 = u32::MAX - 1;
    static ARMED: AtomicU32 = AtomicU32::new(u32::MAX);
    static COUNTDOWN: AtomicI32 = AtomicI32::new(0);

    pub fn pass(point: super::Point) {
        let armed = ARMED.load(Ordering::Relaxed);
        if (armed == point as u32 || armed == ANY) && COUNTDOWN.fetch_sub(1, Ordering::Relaxed) == 1 {
            // SAFETY: kill has no memory effects; SIGKILL to ourselves never returns control for long.
            unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
            loop {
                std::thread::sleep(std::time::Duration::from_secs(1));
            }
        }
    }

    /// Arm one point ("*" for any): the process dies at the `countdown`-th pass. `false`: no such point.
    pub fn arm(name: &str, countdown: i32) -> bool {
        let Some(index) =
            NAMES.iter().position(|known| *known == name).map(|i| i as u32).or((name == "*").then_some(ANY))
        else {
            return false;
        };
        ARMED.store(u32::MAX, Ordering::Relaxed);
        COUNTDOWN.store(countdown.max(1), Ordering::Relaxed);
        ARMED.store(index, Ordering::Relaxed);
        true
    }
}

#[cfg(feature = "faults")]
pub use armed::{arm, pass};

#[cfg(not(feature = "faults"))]
pub fn arm(_name: &str, _countdown: i32) -> bool {
    false
}

/// Die here if a test said so.
macro_rules! fault {
    ($point:ident) => {
        #[cfg(feature = "faults")]
        $crate::fault::pass($crate::fault::Point::$point);
    };
}
pub(crate) use fault;
