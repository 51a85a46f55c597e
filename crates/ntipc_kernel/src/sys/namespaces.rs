//! In which namespaces this process lives. A process id means something within one pid namespace only, and a moment of
//! the monotonic clock means the same to two processes only if their time namespaces shift that clock by the same
//! amount.
//!
//! Containers share a session without sharing these, and some have no /proc to tell them. So what is unknown here
//! equals nothing, another unknown included.

use super::{clock, files, proc};
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{AtomicU64, Ordering};
use std::ffi::CStr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

const NSFS_MAGIC: i64 = 0x6e73_6673;
/// Inode of the time namespace that shifts nothing; the same on every Linux.
const FIRST_TIME_NAMESPACE: u64 = 0xefff_fffa;
const GET_PID_NAMESPACE: u64 = 0xff05;
const GET_TIME_NAMESPACE: u64 = 0xff07;
/// How far two readings of the difference between two clocks may lie apart.
const TOLERANCE_NS: i64 = 2_000_000_000;

/// The pid namespace of this process, by its inode; 0 = unknown.
pub fn pid_namespace() -> u64 {
    namespace(c"/proc/self/ns/pid", GET_PID_NAMESPACE)
}

/// Is that the pid namespace of this process?
pub fn is_own_pid_namespace(recorded: u64) -> bool {
    recorded != 0 && recorded == pid_namespace()
}

/// A namespace of this process: from any /proc in which it is visible, or from Linux 6.11 itself.
fn namespace(path: &CStr, request: u64) -> u64 {
    let found = inode_on(path, NSFS_MAGIC);
    if found != 0 {
        return found;
    }
    // SAFETY: both calls take numbers only, and give a new descriptor, or fail.
    let (own, given) = unsafe {
        let own = libc::syscall(libc::SYS_pidfd_open, libc::getpid(), 0) as i32;
        if own < 0 {
            return 0;
        }
        let own = OwnedFd::from_raw_fd(own);
        let given = libc::ioctl(own.as_raw_fd(), request as _, 0);
        (own, given)
    };
    drop(own);
    if given < 0 {
        return 0;
    }
    // SAFETY: the descriptor was just made, and is nobody else's.
    let given = unsafe { OwnedFd::from_raw_fd(given) };
    files::status_of(&given).map_or(0, |status| status.st_ino)
}

/// The inode of a file if it lies on a file system of that kind; 0 otherwise.
pub(super) fn inode_on(path: &CStr, magic: i64) -> u64 {
    // The device of the one nsfs that Linux has, from its start to its end; 0 = not seen yet. Relaxed: the word is all
    // there is to see.
    static NSFS: AtomicU64 = AtomicU64::new(0);
    // SAFETY: zeroed structs for the calls to fill, and a NUL-terminated string.
    unsafe {
        let mut system: libc::statfs = std::mem::zeroed();
        let mut status: libc::stat = std::mem::zeroed();
        if libc::stat(path.as_ptr(), &raw mut status) != 0 {
            return 0;
        }
        if magic == NSFS_MAGIC && status.st_dev == NSFS.load(Ordering::Relaxed) {
            return status.st_ino;
        }
        if libc::statfs(path.as_ptr(), &raw mut system) != 0 || system.f_type as i64 != magic {
            return 0;
        }
        if magic == NSFS_MAGIC {
            NSFS.store(status.st_dev, Ordering::Relaxed);
        }
        status.st_ino
    }
}

/// By how much the time namespace of this process shifts `CLOCK_MONOTONIC` and `CLOCK_BOOTTIME`, in nanoseconds.
/// `None`: unknown.
fn shifts() -> Option<(i64, i64)> {
    let own = namespace(c"/proc/self/ns/time", GET_TIME_NAMESPACE);
    if own == FIRST_TIME_NAMESPACE {
        return Some((0, 0));
    }
    if own == 0 {
        // A Linux that knows pid namespaces and no time namespaces has none.
        return (inode_on(c"/proc/self/ns/pid", NSFS_MAGIC) != 0).then_some((0, 0));
    }
    // What /proc tells is the shift of the children to come; theirs may be another namespace.
    if own != inode_on(c"/proc/self/ns/time_for_children", NSFS_MAGIC) {
        return None;
    }
    let text = proc::text("/proc/self/timens_offsets").ok()?;
    let shift = |names: [&str; 2]| {
        let fields = text.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
        let fields = fields.into_iter().find(|fields| fields.first().is_some_and(|name| names.contains(name)))?;
        let number = |place: usize| fields.get(place)?.parse::<i64>().ok();
        number(1)?.checked_mul(1_000_000_000)?.checked_add(number(2)?)
    };
    Some((shift(["monotonic", "1"])?, shift(["boottime", "7"])?))
}

/// By how many clock ticks the start times in this process's /proc are shifted.
pub fn start_time_shift() -> i64 {
    // SAFETY: sysconf only reads.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1);
    shifts().map_or(0, |(_, boottime)| boottime.div_euclid(1_000_000_000 / ticks))
}

/// What a session knows of the clock by which its deadlines are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MonotonicClock {
    /// Inode of the time namespace; 0 = unknown.
    pub namespace: u64,
    /// By how much it shifts the clock, in nanoseconds; [`MonotonicClock::UNKNOWN`] = unknown.
    pub shift_ns: i64,
    /// Difference between `CLOCK_REALTIME` and the clock. It changes when the machine sleeps, or its time is set.
    pub behind_ns: i64,
}

impl MonotonicClock {
    pub const UNKNOWN: i64 = i64::MIN;

    /// The clock of this process.
    pub fn own() -> MonotonicClock {
        MonotonicClock {
            namespace: namespace(c"/proc/self/ns/time", GET_TIME_NAMESPACE),
            shift_ns: shifts().map_or(MonotonicClock::UNKNOWN, |(monotonic, _)| monotonic),
            behind_ns: (clock::realtime_ns() as i64).wrapping_sub(clock::now_ns() as i64),
        }
    }

    /// Both shifts are known.
    pub fn is_comparable(self, own: MonotonicClock) -> bool {
        self.shift_ns != MonotonicClock::UNKNOWN && own.shift_ns != MonotonicClock::UNKNOWN
    }

    /// Fails unless a moment of this clock, that of a session, is the same moment of the process's own.
    pub fn agrees_with(self, own: MonotonicClock) -> NtResult<()> {
        let refused = |why: String| Err(Failure::new(NtStatus::REVISION_MISMATCH, why));
        if self.is_comparable(own) {
            return match own.shift_ns.wrapping_sub(self.shift_ns) {
                0 => Ok(()),
                shift => refused(format!(
                    "this process is in a time namespace whose CLOCK_MONOTONIC differs by {:.3} s from that of the session's \
                     participants, so that timers and timeouts would mean another time to each; start it without that shift",
                    shift as f64 / 1e9
                )),
            };
        }
        if self.namespace != 0 && self.namespace == own.namespace {
            return Ok(());
        }
        match self.behind_ns.wrapping_sub(own.behind_ns).unsigned_abs() <= TOLERANCE_NS as u64 {
            true => Ok(()),
            false => refused(
                "this process may be in another time namespace than the session's participants: its CLOCK_MONOTONIC seems to \
                 differ from theirs. Mount /proc, which tells, or use Linux 6.11 or newer"
                    .to_owned(),
            ),
        }
    }
}

#[cfg(all(test, not(feature = "models")))]
mod tests {
    use super::*;

    fn clock(namespace: u64, shift_ns: i64, behind_ns: i64) -> MonotonicClock {
        MonotonicClock { namespace, shift_ns, behind_ns }
    }

    #[test]
    fn shifts_that_are_known_decide() {
        let (second, day) = (1_000_000_000, 86_400_000_000_000);
        assert!(clock(5, 0, 0).agrees_with(clock(6, 0, day)).is_ok()); // the machine slept, or its time was set
        assert!(clock(5, day, 0).agrees_with(clock(7, day, 0)).is_ok());
        let failure = clock(5, 0, 0).agrees_with(clock(5, day, 0)).unwrap_err(); // an inode used again
        assert_eq!(failure.status, NtStatus::REVISION_MISMATCH);
        assert!(failure.detail.contains("86400.000 s"));
        assert!(clock(5, 0, 0).agrees_with(clock(6, -second, second)).is_err());
    }

    #[test]
    fn unknown_equals_unknown_only_where_the_clocks_look_alike() {
        let unknown = MonotonicClock::UNKNOWN;
        assert!(clock(5, unknown, 0).agrees_with(clock(5, 0, i64::MAX)).is_ok());
        assert!(clock(0, unknown, 10).agrees_with(clock(0, unknown, 11)).is_ok());
        for own in [clock(0, unknown, 86_400_000_000_000), clock(6, 0, -86_400_000_000_000)] {
            assert_eq!(clock(0, unknown, 0).agrees_with(own).unwrap_err().status, NtStatus::REVISION_MISMATCH);
        }
    }

    #[test]
    fn this_process_knows_where_it_lives() {
        let own = MonotonicClock::own();
        assert!(own.agrees_with(MonotonicClock::own()).is_ok());
        assert!(!is_own_pid_namespace(0));
        assert!(is_own_pid_namespace(pid_namespace()) || pid_namespace() == 0);
    }
}
