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
    LifeHeld, SlotClaimed, SlotAttached, ThreadClaimed,
    // objects, names, handles
    ObjectTaken, ObjectFilled, ObjectPublished, NameLinked, TextStored, TextFreed, HandleBeforeCount, HandleStored,
    CloseCleared, CloseCounted, FreeUnnamed, FreeMarked, FreeListed,
    // waits
    WaitRecorded, WaitPublished, WaitFlagged, WaitLinked, WaitLinkHalf, WaitWithdrawn, WaitBeforeSleep, WaitWoken,
    UnlinkHalf, UnlinkDone, RetryMarked, LookoutNamed, LookoutTold,
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
    ReleaseProcessDone, ReapBegin, SlotFreed, RecoverRedone, RecoverCounted, RecoverNamed, RecoverLinked, RecoverListed,
    RecoverEvaluated,
    // sections
    SectionFileMade, SectionReserved, SectionPublished,
    // queues
    PoolFilled, PoolValid, PoolLinked, PoolMoved, PoolApplied, QueueFilled, QueueFreed, QueueBroken, EndUnnamed, DrainNamed, DrainMoved, DrainLeft,
    HandNamed, PutCopied, PutLocked, PutRecorded, PutPaged, PutWritten, PutPublished, PutCounted, PutForgotten, PutUnlocked,
    PutTold, TurnTaken, TurnLeft, TakeLocked, TakeCopied, TakeCommitted, TakeMoved, TakeOwned, TakeUnlocked, TakeCopiedOut, TakeTold,
    BadgeMade, BadgeCounted, BadgeRevoked, NoticeMarked, NoticeListed, NoticeTaken, ReplyQueueMade, CallNoted, CallTaken, ReplyAllowed, LostTold, PutHandleNamed, PutHandleMoved, TakeHandleStored, TakeHandleMoved, PlaceDropped, CollectTaken,
    SettlePositions, SettleChain, SettleUnlocked, SettleTurn, SettleTold,
    // fork
    ForkBeforeCopy, ForkCopied,
    // objects of processes and threads
    LifeEnded, LifeAsked, LifeTold,
    // the relay of event loops
    RelayEntered, RelayAborted, RelayFired, RelayRaised,
    // handles of a child that has not joined
    HeirTaken, HeirFilled, HeirStarted, HeirNamed, HeirJoined,
    // the debug log
    LogBlocksTaken, LogClaimed, LogNumbered, LogWritten, LogCommitted, LogRung, LogReaderNamed, LogReaderListed, LogReaderGone,
}

/// What happens to a thread that passes an armed point.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Action {
    /// The process dies.
    Kill,
    /// The process is stopped (SIGSTOP), and goes on when it is told to.
    Stop,
    /// The thread never goes on; the others of its process do.
    Hang,
}

impl Action {
    pub fn named(name: &str) -> Option<Action> {
        match name {
            "kill" => Some(Action::Kill),
            "stop" => Some(Action::Stop),
            "hang" => Some(Action::Hang),
            _ => None,
        }
    }
}

#[cfg(feature = "faults")]
mod armed {
    use super::{Action, NAMES};
    use crate::status::{Failure, NtResult, NtStatus};
    use crate::sync::{AtomicBool, AtomicI32, AtomicU32, Ordering};

    const ANY: u32 = u32::MAX - 1;
    static ARMED: AtomicU32 = AtomicU32::new(u32::MAX);
    static COUNTDOWN: AtomicI32 = AtomicI32::new(0);
    static ACTION: AtomicU32 = AtomicU32::new(Action::Kill as u32);
    static REPORT: AtomicI32 = AtomicI32::new(-1);
    static ELIGIBLE: AtomicBool = AtomicBool::new(true);

    pub fn pass(point: super::Point) {
        let armed = ARMED.load(Ordering::Relaxed);
        if (armed == point as u32 || armed == ANY) && COUNTDOWN.fetch_sub(1, Ordering::Relaxed) == 1 {
            act(point);
        }
    }

    #[cold]
    fn act(point: super::Point) {
        let fd = REPORT.load(Ordering::Relaxed);
        if fd >= 0 {
            let number = [point as u8];
            // SAFETY: one readable byte; whatever the descriptor is, write checks it.
            unsafe { libc::write(fd, number.as_ptr().cast(), 1) };
        }
        let action = ACTION.load(Ordering::Relaxed);
        if action != Action::Hang as u32 {
            let signal = if action == Action::Stop as u32 { libc::SIGSTOP } else { libc::SIGKILL };
            // To this thread of all, so that it is the first to feel it.
            // SAFETY: tgkill has no memory effects; SIGKILL to ourselves never returns control for long.
            unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), crate::sys::process::tid(), signal) };
        }
        if action != Action::Stop as u32 {
            loop {
                std::thread::sleep(std::time::Duration::from_secs(1));
            }
        }
    }

    /// Arm one point ("*" for any): `action` happens at the `countdown`-th pass. `false`: no such point.
    pub fn arm(name: &str, countdown: i32, action: Action) -> bool {
        let Some(index) =
            NAMES.iter().position(|known| *known == name).map(|i| i as u32).or((name == "*").then_some(ANY))
        else {
            return false;
        };
        ARMED.store(u32::MAX, Ordering::Relaxed);
        COUNTDOWN.store(countdown.max(1), Ordering::Relaxed);
        ACTION.store(action as u32, Ordering::Relaxed);
        ARMED.store(index, Ordering::Relaxed);
        true
    }

    /// From now on the number of an armed point that is passed is written there, one byte; a negative descriptor ends
    /// it.
    pub fn report_to(fd: i32) {
        REPORT.store(fd, Ordering::Relaxed);
    }

    /// Whether this process may watch others and reap. A test keeps those who never die from it.
    pub fn set_eligible(eligible: bool) {
        ELIGIBLE.store(eligible, Ordering::Release);
    }

    pub fn is_eligible() -> bool {
        ELIGIBLE.load(Ordering::Acquire)
    }

    static EVERYTHING: AtomicBool = AtomicBool::new(false);

    /// Whether recovery by this process looks at everything there is, as after damage.
    pub fn rebuild_everything(everything: bool) {
        EVERYTHING.store(everything, Ordering::Relaxed);
    }

    pub fn rebuilds_everything() -> bool {
        EVERYTHING.load(Ordering::Relaxed)
    }

    static PAGES: AtomicU32 = AtomicU32::new(u32::MAX);

    /// For this process there is no memory for more than so many pages of the pool.
    pub fn limit_pages(most: u32) {
        PAGES.store(most, Ordering::Relaxed);
    }

    pub fn check_pages(needed: u32) -> NtResult<()> {
        match needed > PAGES.load(Ordering::Relaxed) {
            true => Err(Failure::new(NtStatus::DISK_FULL, "a test has no memory for more pages")),
            false => Ok(()),
        }
    }
}

#[cfg(feature = "faults")]
pub use armed::{
    arm, check_pages, is_eligible, limit_pages, pass, rebuild_everything, rebuilds_everything, report_to, set_eligible,
};

#[cfg(not(feature = "faults"))]
mod unarmed {
    pub fn arm(_name: &str, _countdown: i32, _action: super::Action) -> bool {
        false
    }

    pub fn report_to(_fd: i32) {}

    pub fn set_eligible(_eligible: bool) {}

    pub const fn is_eligible() -> bool {
        true
    }

    pub const fn rebuilds_everything() -> bool {
        false
    }

    pub const fn check_pages(_needed: u32) -> crate::status::NtResult<()> {
        Ok(())
    }
}

#[cfg(not(feature = "faults"))]
pub use unarmed::{arm, check_pages, is_eligible, rebuilds_everything, report_to, set_eligible};

/// Die here if a test said so.
macro_rules! fault {
    ($point:ident) => {
        #[cfg(feature = "faults")]
        $crate::fault::pass($crate::fault::Point::$point);
    };
}
pub(crate) use fault;
