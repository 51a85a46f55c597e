//! Futexes on shared words. Never `FUTEX_PRIVATE_FLAG` here: the sleepers are in other processes.

use super::clock::{NEVER, now_ns, timespec};
use super::files::last_errno;
use crate::sync::{AtomicU32, AtomicU64};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slept {
    Woken,
    /// Did not sleep: the word had another value already.
    Changed,
    TimedOut,
    /// A signal handler ran.
    Interrupted,
}

/// What a sleep came to. Where Linux refuses the call itself (a sandbox answers what it likes, `EPERM` or `ENOSYS`
/// mostly), the caller sleeps for a millisecond and looks again: it does not learn of a change at once, and it does not
/// spin.
fn outcome(result: libc::c_long, deadline_ns: u64) -> Slept {
    if result >= 0 {
        return Slept::Woken;
    }
    match last_errno() {
        libc::ETIMEDOUT => Slept::TimedOut,
        libc::EINTR => Slept::Interrupted,
        libc::EAGAIN => Slept::Changed,
        _ => {
            let left_ns = deadline_ns.saturating_sub(now_ns());
            if left_ns == 0 {
                return Slept::TimedOut;
            }
            std::thread::sleep(std::time::Duration::from_nanos(left_ns.min(REFUSED_NS)));
            Slept::Woken
        }
    }
}

/// How long to sleep instead where Linux refuses the call.
const REFUSED_NS: u64 = 1_000_000;

/// Sleep while `word` is `expected`, until `deadline_ns` (absolute, monotonic).
pub fn wait(word: &AtomicU32, expected: u32, deadline_ns: u64) -> Slept {
    #[cfg(feature = "models")]
    if let Some(slept) = crate::models::futex::wait(word, expected, deadline_ns) {
        return slept;
    }
    let until = timespec(deadline_ns);
    let until = if deadline_ns == NEVER { std::ptr::null() } else { &raw const until };
    // SAFETY: `word` and `until` live through the call; FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time.
    let result = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT_BITSET,
            expected,
            until,
            std::ptr::null::<u32>(),
            libc::FUTEX_BITSET_MATCH_ANY,
        )
    };
    outcome(result, deadline_ns)
}

pub fn wake(word: &AtomicU32, count: i32) {
    #[cfg(feature = "models")]
    if crate::models::futex::wake(word, count) {
        return;
    }
    // SAFETY: `word` is a valid address; FUTEX_WAKE reads nothing else.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, count) };
}

/// The half of a 64-bit word that holds its upper bits. Only its address is used: nothing here reads or writes it.
fn upper_half(word: &AtomicU64) -> &AtomicU32 {
    let place = if cfg!(target_endian = "little") { 1 } else { 0 };
    // SAFETY: one of the two halves of a word that lives as long as the reference does; every bit pattern is a valid
    // half.
    unsafe { &*word.as_ptr().cast::<AtomicU32>().add(place) }
}

/// Sleep while the upper half of `word` is that of `expected`, until `deadline_ns`. A futex has 32 bits.
pub fn wait_on_upper_half(word: &AtomicU64, expected: u64, deadline_ns: u64) -> Slept {
    wait(upper_half(word), (expected >> 32) as u32, deadline_ns)
}

/// Wake those who sleep so.
pub fn wake_on_upper_half(word: &AtomicU64, count: i32) {
    wake(upper_half(word), count);
}

/// One entry of `futex_waitv`, as linux/futex.h defines it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Waitv {
    value: u64,
    address: u64,
    flags: u32,
    reserved: u32,
}

/// Most words that one [`wait_many`] can watch.
pub const WAITV_MAX: usize = 128;
const FUTEX2_SIZE_U32: u32 = 2;

impl Waitv {
    pub fn new(word: &AtomicU32, expected: u32) -> Self {
        Waitv { value: u64::from(expected), address: word.as_ptr() as u64, flags: FUTEX2_SIZE_U32, reserved: 0 }
    }
}

/// Sleep while every word has its expected value. A sleep is short where there is no `futex_waitv` (before Linux 5.16,
/// in sandboxes).
pub fn wait_many(words: &[Waitv], deadline_ns: u64) -> Slept {
    #[cfg(feature = "models")]
    {
        // SAFETY: each entry was made of a reference to a word that outlives the call.
        let word = |entry: &Waitv| (unsafe { &*(entry.address as *const AtomicU32) }, entry.value as u32);
        if let Some(slept) = crate::models::futex::wait_many(&words.iter().map(word).collect::<Vec<_>>(), deadline_ns) {
            return slept;
        }
    }
    let until = timespec(deadline_ns);
    // SAFETY: the entries point at words of the arena or of this process that outlive the call; the time is absolute.
    let result = unsafe {
        libc::syscall(
            libc::SYS_futex_waitv,
            words.as_ptr(),
            words.len().min(WAITV_MAX),
            0,
            if deadline_ns == NEVER { std::ptr::null() } else { &raw const until },
            libc::CLOCK_MONOTONIC,
        )
    };
    outcome(result, deadline_ns)
}
