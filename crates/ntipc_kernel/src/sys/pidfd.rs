//! Pidfds: descriptors that stand for one process or thread, whatever its number is used for later.

use super::process;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// `PIDFD_THREAD`, from Linux 6.9 on.
const THREAD: u32 = libc::O_EXCL as u32;
const CLOSE_RANGE_UNSHARE: u32 = 2;
/// `PIDFD_GET_INFO` with the structure that Linux 6.13 has; it tells of exits from 6.15 on.
const GET_INFO: u64 = 0xc040_ff0b;
const INFO_EXIT: u64 = 1 << 3;
/// How often to look for the status of what has just ended, and how long to pause in between.
const LOOKS: u32 = 200;
const PAUSE_US: u64 = 250;

/// A descriptor for a process, or for one thread, of our pid namespace.
pub fn open(number: u32, of_thread: bool) -> io::Result<OwnedFd> {
    let flags = if of_thread { THREAD } else { 0 };
    // SAFETY: two numbers; a new descriptor, or -1.
    unsafe {
        match libc::syscall(libc::SYS_pidfd_open, i64::from(number), i64::from(flags)) {
            fd if fd >= 0 => Ok(OwnedFd::from_raw_fd(fd as i32)),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// Send a signal; 0 only asks whether the process exists, which a zombie does.
pub fn signal(fd: &OwnedFd, number: i32) -> io::Result<()> {
    // SAFETY: no structure is given.
    match unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd.as_raw_fd(), number, 0_usize, 0_u32) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Has nobody taken the exit status yet, or is it still running?
pub fn exists(fd: &OwnedFd) -> bool {
    !matches!(signal(fd, 0), Err(error) if error.raw_os_error() == Some(libc::ESRCH))
}

/// Is it over, but perhaps for its exit status?
pub fn has_ended(fd: &OwnedFd) -> bool {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid pollfd.
    unsafe { libc::poll(&raw mut poll, 1, 0) == 1 }
}

/// How what has ended did: the exit code, or the number of the signal below zero. `None`: Linux does not tell this
/// process.
pub fn exit_code(fd: &OwnedFd, number: u32, start_time: u64) -> Option<i32> {
    for _ in 0..LOOKS {
        if let Some(code) = of_child(fd) {
            return Some(code);
        }
        match process::stat(number) {
            Some(zombie) if zombie.start_time == start_time && zombie.state == 'Z' => {
                return process::may_look_into(number).then(|| decoded(zombie.wait_status));
            }
            _ => match of_reaped(fd) {
                Ok(Some(code)) => return Some(code),
                Ok(None) => std::thread::sleep(std::time::Duration::from_micros(PAUSE_US)), // on its last steps
                Err(_) => return None,                                                      // before Linux 6.15
            },
        }
    }
    None
}

/// Of a child of this process that nobody has waited for; it stays so.
fn of_child(fd: &OwnedFd) -> Option<i32> {
    // SAFETY: an all-zero siginfo_t is valid storage for waitid to fill; its fields are those of SIGCHLD.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT | libc::__WALL;
        let found = libc::waitid(libc::P_PIDFD, fd.as_raw_fd() as u32, &raw mut info, options) == 0;
        if !found || info.si_pid() == 0 {
            return None;
        }
        Some(if info.si_code == libc::CLD_EXITED { info.si_status() } else { -info.si_status() })
    }
}

/// Of what is a zombie no more. `None`: it is still on its last steps.
fn of_reaped(fd: &OwnedFd) -> io::Result<Option<i32>> {
    #[repr(C)]
    struct Info {
        mask: u64,
        group: u64,
        numbers: [u32; 11],
        wait_status: i32,
    }
    let mut info = Info { mask: INFO_EXIT, group: 0, numbers: [0; 11], wait_status: 0 };
    // SAFETY: the structure has the size that is part of the request.
    match unsafe { libc::ioctl(fd.as_raw_fd(), GET_INFO as _, &raw mut info) } {
        0 => Ok((info.mask & INFO_EXIT != 0).then(|| decoded(info.wait_status))),
        _ => Err(io::Error::last_os_error()),
    }
}

fn decoded(wait_status: i32) -> i32 {
    match wait_status & 0x7f {
        0 => wait_status >> 8 & 0xff,
        signal => -signal,
    }
}

/// Give the calling thread a table of descriptors of its own, with that one in it and no other. False: it goes on
/// sharing that of the process.
pub fn part_descriptors(kept: i32) -> bool {
    let close = |first: u32, last: u32, flags: u32| {
        // SAFETY: with the first call the thread leaves the table of the process; what is closed is closed in its own.
        first > last || unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) } == 0
    };
    let kept = kept as u32;
    close(kept + 1, u32::MAX, CLOSE_RANGE_UNSHARE) && (kept == 0 || close(0, kept - 1, 0))
}

/// Descriptors that a thread sleeps on, each with a number of the caller's.
pub struct Poller(OwnedFd);

impl Poller {
    pub fn new() -> io::Result<Poller> {
        // SAFETY: a number; a new descriptor, or -1.
        unsafe {
            match libc::epoll_create1(libc::EPOLL_CLOEXEC) {
                fd if fd >= 0 => Ok(Poller(OwnedFd::from_raw_fd(fd))),
                _ => Err(io::Error::last_os_error()),
            }
        }
    }

    pub fn add(&self, fd: &impl AsRawFd, number: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: number };
        // SAFETY: one valid event.
        match unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &raw mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    pub fn remove(&self, fd: &impl AsRawFd) {
        // SAFETY: numbers, and no event.
        unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_DEL, fd.as_raw_fd(), std::ptr::null_mut()) };
    }

    /// The numbers of those that can be read, after a sleep of at most so many milliseconds; below 0 is for ever.
    pub fn sleep(&self, milliseconds: i32) -> Vec<u64> {
        const ROOM: usize = 256;
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; ROOM];
        // SAFETY: room for as many events as are said.
        let count = unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), ROOM as i32, milliseconds) };
        events[..usize::try_from(count).unwrap_or(0)].iter().map(|event| event.u64).collect()
    }
}

/// How many descriptors a table may hold.
pub fn descriptor_limit() -> usize {
    // SAFETY: zeroed storage for the call to fill.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        match libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) {
            0 => usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX),
            _ => 256,
        }
    }
}
