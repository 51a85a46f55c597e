//! Who we are, and whether another process of our pid namespace still is.

use super::{namespaces, proc};

pub fn pid() -> u32 {
    // SAFETY: getpid cannot fail.
    unsafe { libc::getpid() as u32 }
}

pub fn parent() -> u32 {
    // SAFETY: getppid cannot fail.
    unsafe { libc::getppid() as u32 }
}

pub fn tid() -> u32 {
    #[cfg(feature = "models")]
    if let Some(tid) = crate::models::step::tid() {
        return tid;
    }
    // SAFETY: gettid cannot fail.
    unsafe { libc::syscall(libc::SYS_gettid) as u32 }
}

pub fn uid() -> u32 {
    // SAFETY: geteuid cannot fail.
    unsafe { libc::geteuid() }
}

/// What /proc says of a process of our pid namespace; `None` if it does not say, or may speak of another namespace.
fn told_of(pid: u32, what: &str) -> Option<String> {
    let text = proc::text(&format!("/proc/{pid}/{what}")).ok()?;
    proc::is_ours().then_some(text)
}

/// What /proc/PID/stat says of a process or thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stat {
    /// As in `ps`.
    pub state: char,
    /// In clock ticks since boot, whatever our time namespace makes of that.
    pub start_time: u64,
    /// Clock ticks spent in user mode, and in the kernel of Linux.
    pub user_ticks: u64,
    pub system_ticks: u64,
    /// Of a zombie: how it ended; 0 if this process may not know ([`may_look_into`]).
    pub wait_status: i32,
}

/// The same, of a process or thread of our pid namespace. `None`: it is gone, or nothing is known.
pub fn stat(pid: u32) -> Option<Stat> {
    let text = told_of(pid, "stat")?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |place: usize| fields.get(place).and_then(|field| field.parse::<u64>().ok());
    Some(Stat {
        state: fields.first()?.chars().next()?,
        start_time: number(19)?.wrapping_add_signed(-namespaces::start_time_shift()),
        user_ticks: number(11)?,
        system_ticks: number(12)?,
        wait_status: number(49).unwrap_or(0) as i32,
    })
}

/// Does Linux tell this process how a zombie ended? Its program is gone then; what is refused is refused before that is
/// found out.
pub fn may_look_into(pid: u32) -> bool {
    match std::fs::read_link(format!("/proc/{pid}/exe")) {
        Ok(_) => true,
        Err(error) => error.raw_os_error() == Some(libc::ENOENT),
    }
}

/// A thread of this process, as Linux knows it.
pub struct OwnThread {
    pub tid: u32,
    pub name: String,
    /// As in `ps`.
    pub state: char,
}

/// The threads of this process. `None`: /proc does not say.
pub fn own_threads() -> Option<Vec<OwnThread>> {
    let read = |tid: u32, text: String| {
        let (name, rest) = text.split_once('(')?.1.rsplit_once(')')?;
        Some(OwnThread { tid, name: name.to_owned(), state: rest.trim_start().chars().next()? })
    };
    let mut threads = Vec::new();
    for entry in std::fs::read_dir("/proc/self/task").ok()? {
        let tid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        match proc::text(&format!("/proc/self/task/{tid}/stat")) {
            Ok(text) => threads.push(read(tid, text)?),
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH)) => {} // it has ended
            Err(_) => return None,
        }
    }
    proc::is_ours().then_some(threads)
}

/// End this process, as the C library does when its last thread ends.
pub fn exit(status: i32) -> ! {
    // SAFETY: what the program has to do at its exit runs in this thread, as in whichever thread is the last.
    unsafe { libc::exit(status) }
}

/// The process that a thread of our pid namespace belongs to.
pub fn process_of_thread(tid: u32) -> Option<u32> {
    let text = told_of(tid, "status")?;
    text.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()
}

/// Start time of a process of our pid namespace in clock ticks since boot; 0 when it is unknown, a zombie or gone.
pub fn start_time(pid: u32) -> u64 {
    stat(pid).filter(|stat| !matches!(stat.state, 'Z' | 'X')).map_or(0, |stat| stat.start_time)
}

/// Are both known, and those of two processes? A shift may have been rounded to a tick.
pub fn is_other_start(one: u64, other: u64) -> bool {
    one != 0 && other != 0 && one.abs_diff(other) > 1
}

/// One character as in `ps`: R running, S sleeping, T stopped, Z gone but for its exit status. `None`: unknown.
/// The process is one of our pid namespace.
pub fn state(pid: u32) -> Option<char> {
    told_of(pid, "stat")?.rsplit_once(')')?.1.trim_start().chars().next()
}

/// The system call that a thread sleeps in, and its third argument. `None`: in none, or this user may not know.
fn sleeping_call(pid: u32, tid: u32) -> Option<(i64, u64)> {
    let text = told_of(pid, &format!("task/{tid}/syscall"))?;
    let mut fields = text.split_ascii_whitespace();
    let call = fields.next()?.parse().ok()?;
    let third = u64::from_str_radix(fields.nth(2)?.trim_start_matches("0x"), 16).ok()?;
    Some((call, third))
}

/// Does the thread sleep on a futex until it is no longer `value`?
pub fn sleeps_while(pid: u32, tid: u32, value: u32) -> bool {
    sleeping_call(pid, tid) == Some((libc::SYS_futex, u64::from(value)))
}

/// Does the thread sleep on a futex until it is no longer `value`, or in a call that waits for time, input or other
/// processes?
pub fn waits_for_others(pid: u32, tid: u32, value: u32) -> bool {
    match sleeping_call(pid, tid) {
        Some((libc::SYS_futex, expected)) => expected == u64::from(value),
        Some((call, _)) => [
            libc::SYS_futex_waitv,
            libc::SYS_read,
            libc::SYS_readv,
            libc::SYS_recvfrom,
            libc::SYS_recvmsg,
            libc::SYS_accept,
            libc::SYS_accept4,
            libc::SYS_ppoll,
            libc::SYS_pselect6,
            libc::SYS_epoll_pwait,
            libc::SYS_nanosleep,
            libc::SYS_clock_nanosleep,
            libc::SYS_wait4,
            libc::SYS_waitid,
            libc::SYS_rt_sigtimedwait,
            #[cfg(target_arch = "x86_64")]
            libc::SYS_poll,
            #[cfg(target_arch = "x86_64")]
            libc::SYS_select,
            #[cfg(target_arch = "x86_64")]
            libc::SYS_epoll_wait,
        ]
        .contains(&call),
        None => false,
    }
}

/// True when no process of that id exists any more (a process we may not signal does exist).
pub fn is_gone(pid: u32) -> bool {
    // SAFETY: signal 0 only asks whether the process exists.
    let result = unsafe { libc::kill(pid as libc::pid_t, 0) };
    result != 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH)
}

/// End this process, and run nothing of it.
pub fn end_at_once(code: i32) -> ! {
    // SAFETY: takes a number, and does not return.
    unsafe { libc::_exit(code) }
}

/// True when there is no such thread, of the process `pid` or of any (a thread we may not signal is one).
pub fn is_no_thread(pid: Option<u32>, tid: u32) -> bool {
    let call = |number, a: u32, b: u32, c: u32| {
        // SAFETY: signal 0 only asks whether the thread exists.
        unsafe { libc::syscall(number, i64::from(a), i64::from(b), i64::from(c)) }
    };
    if tid == 0 || pid == Some(0) {
        return true;
    }
    let result = match pid {
        Some(pid) => call(libc::SYS_tgkill, pid, tid, 0),
        None => call(libc::SYS_tkill, tid, 0, 0),
    };
    result != 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH)
}

/// A number that nobody else draws.
pub fn random() -> u64 {
    let mut number = 0_u64;
    // SAFETY: getrandom fills at most as many bytes as the number has.
    unsafe { libc::getrandom((&raw mut number).cast(), size_of::<u64>(), 0) };
    number
}

/// How many processors there are, whichever of them this thread may use: its partner may use others.
pub fn processors() -> usize {
    // SAFETY: sysconf only reads.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) }).unwrap_or(1)
}

/// Runs `body` with every signal blocked, so that a thread started in it never runs a handler.
pub fn with_signals_blocked<T>(body: impl FnOnce() -> T) -> T {
    // SAFETY: an all-zero sigset_t is valid storage for sigfillset and pthread_sigmask to fill.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut old: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut old);
        let result = body();
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const old, std::ptr::null_mut());
        result
    }
}

/// The processor that the calling thread runs on; no system call where the C library knows it (glibc 2.35 and later).
#[inline]
pub fn processor() -> u32 {
    if cfg!(feature = "models") {
        return 0; // the steps of a run follow from its schedule alone
    }
    // SAFETY: no arguments, no effects; -1, where it is unknown, is as good a number as any.
    unsafe { libc::sched_getcpu() as u32 }
}

/// An address that belongs to the calling thread for as long as it lives.
#[inline(always)]
pub fn thread_pointer() -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        let pointer: u64;
        // SAFETY: on Linux the first word of a thread's control block holds its own address; reading it changes
        // nothing.
        unsafe {
            std::arch::asm!("mov {}, fs:[0]", out(reg) pointer, options(nostack, preserves_flags, pure, readonly));
        }
        pointer
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        thread_local!(static HERE: u8 = const { 0 });
        HERE.with(|here| std::ptr::from_ref(here) as u64)
    }
}
