//! Ping-pong between two processes that never spin: signal-and-wait beside two bare futex words.
//!
//! `ping_pong ROUNDS TRIALS PROCESSOR PROCESSOR` prints the medians of the medians of interleaved trials, in seconds,
//! as JSON. The partner is the same program with the session's path instead of the number of rounds; both share the
//! futex words through a section of the session.

use ntipc_kernel::dispatch::wait::{Slumber, Started, Target};
use ntipc_kernel::object::kind::Kind;
use ntipc_kernel::object::table::{Disposition, Initial};
use ntipc_kernel::process::attach::{self, Ownership};
use ntipc_kernel::sys::clock::NEVER;
use ntipc_kernel::sys::futex;
use ntipc_kernel::{Failure, NtResult, NtStatus, Session};
use std::error::Error;
use std::fs::OpenOptions;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

/// What both processes have in common.
struct Court {
    session: Arc<Session>,
    there: u32,
    back: u32,
    words: &'static [AtomicU32; 2],
}

fn failed(failure: &Failure) -> Box<dyn Error> {
    format!("{failure:?}").into()
}

fn event(session: &Arc<Session>, name: &str) -> NtResult<u32> {
    let initial = Initial { kind: Kind::SynchronizationEvent, value: 0, limit: 0, quantity: 0, detail: 0 };
    Ok(session.create(Some(name), Disposition::OpenOrCreate, 0, initial, false)?.handle)
}

/// Two words in a file that both processes map.
fn words(path: &str) -> Result<&'static [AtomicU32; 2], Box<dyn Error>> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    file.set_len(4096)?;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping of a page of a file that is that long.
    let at = unsafe { libc::mmap(std::ptr::null_mut(), 4096, protection, libc::MAP_SHARED, file.as_raw_fd(), 0) };
    if at == libc::MAP_FAILED {
        return Err(std::io::Error::last_os_error().into());
    }
    // SAFETY: mapped for good, aligned, and touched as atomics alone, by both processes.
    Ok(unsafe { &*at.cast::<[AtomicU32; 2]>() })
}

fn pin(processor: usize) {
    // SAFETY: an all-zero set is valid; the call reads it only.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(processor, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}

impl Court {
    fn enter(path: &str) -> Result<Court, Box<dyn Error>> {
        let uid = ntipc_kernel::sys::process::uid();
        let ownership = Ownership { uid, mode: 0o700, gid: None, must_exist: false };
        let session = attach::attach(path, ownership).map_err(|failure| failed(&failure))?;
        let there = event(&session, "there").map_err(|failure| failed(&failure))?;
        let back = event(&session, "back").map_err(|failure| failed(&failure))?;
        Ok(Court { session, there, back, words: words(&format!("{path}-words"))? })
    }

    /// Set one event, if any, and sleep until the other is set.
    fn signal_and_wait(&self, signal: Option<u32>, wait: u32) -> NtResult<()> {
        let target = |handle| Target { handle, channel: 0 };
        let Started::Queued(queued) = self.session.start_wait(&[target(wait)], false, false, signal.map(target))?
        else {
            return Ok(());
        };
        loop {
            match self.session.sleep(queued, NEVER, NEVER) {
                Slumber::Satisfied(..) => return Ok(()),
                Slumber::TimedOut => return Err(NtStatus::INVALID_PARAMETER.into()),
                Slumber::Damaged(failure) => return Err(failure),
                Slumber::Interrupted => {}
            }
        }
    }

    fn set_word(&self, word: usize) {
        self.words[word].store(1, Ordering::Release);
        futex::wake(&self.words[word], 1);
    }

    fn take_word(&self, word: usize) {
        while self.words[word].swap(0, Ordering::Acquire) == 0 {
            futex::wait(&self.words[word], 0, NEVER);
        }
    }

    fn answer(&self, rounds: u32) -> NtResult<()> {
        self.signal_and_wait(None, self.there)?;
        for _ in 1..rounds {
            self.signal_and_wait(Some(self.back), self.there)?;
        }
        self.session.set_event(self.back)?;
        for _ in 0..rounds {
            self.take_word(0);
            self.set_word(1);
        }
        Ok(())
    }

    /// The median round of each kind, in seconds.
    fn serve(&self, rounds: u32) -> NtResult<(f64, f64)> {
        let mut ours = Vec::with_capacity(rounds as usize);
        for _ in 0..rounds {
            let began = Instant::now();
            self.signal_and_wait(Some(self.there), self.back)?;
            ours.push(began.elapsed().as_secs_f64());
        }
        let mut bare = Vec::with_capacity(rounds as usize);
        for _ in 0..rounds {
            let began = Instant::now();
            self.set_word(0);
            self.take_word(1);
            bare.push(began.elapsed().as_secs_f64());
        }
        Ok((median(&mut ours), median(&mut bare)))
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [first, rounds, here, there] = arguments.as_slice() else {
        return Err("ping_pong ROUNDS TRIALS PROCESSOR PROCESSOR".into());
    };
    if first.starts_with('/') {
        pin(here.parse()?);
        let court = Court::enter(first)?;
        court.answer(rounds.parse()?).map_err(|failure| failed(&failure))?;
        return court.session.leave(true).map_err(|failure| failed(&failure));
    }
    let (rounds, trials): (&str, u32) = (first, rounds.parse()?);
    let path = format!("/dev/shm/ntipc-ping-pong-{}", std::process::id());
    pin(here.parse()?);
    let court = Court::enter(&path)?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..trials {
        let mut partner = Command::new(std::env::current_exe()?).args([&path, rounds, there, there]).spawn()?;
        let played = court.serve(rounds.parse()?);
        let ended = partner.wait()?;
        let (one, other) = played.map_err(|failure| failed(&failure))?;
        if !ended.success() {
            return Err(format!("the partner ended with {ended}").into());
        }
        ours.push(one);
        bare.push(other);
    }
    court.session.leave(true).map_err(|failure| failed(&failure))?;
    std::fs::remove_file(format!("{path}-words"))?;
    println!("{{\"ours\": {:e}, \"futex\": {:e}}}", median(&mut ours), median(&mut bare));
    Ok(())
}
