//! Somebody scribbles in the session's memory while threads make every call: nothing crashes, nothing is touched
//! outside the mapping, everything returns.
//!
//! In a debug build every overflow is a panic, and with the address sanitizer (`make sanitize`) every touch of foreign
//! memory is told. `NTIPC_FUZZ_SECONDS` says how long, `NTIPC_FUZZ_SEED` where to begin.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here fails the test")]

mod calls;
mod queue_calls;
mod scribbling;
#[path = "../support/mod.rs"]
mod support;

use calls::call;
use ntipc_kernel::NtStatus;
use ntipc_kernel::fields;
use ntipc_kernel::object::kind::Type;
use ntipc_kernel::object::table::Disposition;
use ntipc_kernel::queue::{Mode, NewQueue, Until};
use ntipc_kernel::sys::clock::now_ns;
use scribbling::{Dice, scribble};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::private;

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// One session, damaged a little at a time until it says so, or to the end of the round.
fn round(seed: u64, calls: &AtomicU64) -> bool {
    let session = private();
    let file = File::options().read(true).write(true).open(format!("{}/arena", session.path)).unwrap();
    let fields = fields();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for number in 0..3 {
            let (session, over) = (Arc::clone(&session), &over);
            scope.spawn(move || {
                let (mut dice, mut handles) = (Dice(seed * 31 + number + 1), Vec::new());
                while !over.load(Ordering::Relaxed) {
                    call(&mut dice, &session, &mut handles, number == 2);
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut dice = Dice(seed);
        std::thread::sleep(Duration::from_millis(5));
        for _ in 0..1 + dice.below(40) {
            scribble(&mut dice, &file, &fields);
            std::thread::sleep(Duration::from_micros(dice.below(1500)));
        }
        let _ = ntipc_kernel::inspect::inspect(&session.path);
        over.store(true, Ordering::Relaxed);
    });
    let number = fields.iter().find(|field| field.name == "damaged").unwrap().at;
    let mut damaged = [0; 4];
    file.read_exact_at(&mut damaged, number).unwrap();
    damaged != [0; 4]
}

#[test]
fn scribbling_crashes_nobody_and_keeps_nobody() {
    let (seed, seconds) = (setting("NTIPC_FUZZ_SEED", 1), setting("NTIPC_FUZZ_SECONDS", 4));
    let (began, calls) = (Instant::now(), AtomicU64::new(0));
    let (mut rounds, mut damaged) = (0, 0);
    while began.elapsed() < Duration::from_secs(seconds) {
        let seed = seed + rounds;
        let (finished, watched) = std::sync::mpsc::channel::<()>();
        let watchdog = std::thread::spawn(move || {
            if watched.recv_timeout(Duration::from_secs(20)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                eprintln!("seed {seed}: some call has not returned for 20 s");
                let pid = std::process::id().to_string();
                let _ = std::process::Command::new("gdb")
                    .args(["-p", &pid, "-batch", "-ex", "thread apply all bt 12"])
                    .status();
                std::process::abort();
            }
        });
        damaged += u64::from(round(seed * 1_000_003, &calls));
        drop(finished);
        watchdog.join().unwrap();
        rounds += 1;
    }
    println!("{rounds} rounds, {damaged} found damaged, {} calls", calls.into_inner());
    assert!(rounds > 0 && (rounds < 50 || damaged > 0));
}

#[test]
fn a_lock_that_names_a_thread_that_is_none_is_taken() {
    for process in [0, 1, 2, 9] {
        let session = private();
        let event = support::event(&session);
        let file = File::options().read(true).write(true).open(format!("{}/arena", session.path)).unwrap();
        let fields = fields();
        let put = |table: &str, name: &str, entry: u64, value: u32| {
            let field = fields.iter().find(|field| field.table == table && field.name == name).unwrap();
            file.write_at(&value.to_le_bytes(), field.at + entry * field.stride).unwrap();
        };
        put("thread", "life.word", 9, 0x3fff_fff0);
        put("thread", "tid", 9, 0x3fff_fff0);
        put("thread", "process", 9, process);
        put("header", "lock", 0, 10);
        session.close(event).unwrap();
        put("thread", "life.word", 9, 0);
    }
}

/// An end that counts no handles is set for ever, as one that was closed: a process that has a handle to it does not
/// wait for it for ever.
#[test]
fn wait_for_an_end_whose_count_of_handles_is_wrong_ends() {
    let session = private();
    let new = NewQueue { quota: 1, ..NewQueue::default() };
    let ends = session.make_queue(None, Disposition::Create, 0, new).unwrap();
    let file = File::options().read(true).write(true).open(format!("{}/arena", session.path)).unwrap();
    let fields = fields();
    let field = fields.iter().find(|field| field.table == "object" && field.name == "handles").unwrap();
    let mut until = Until(now_ns() + 20_000_000_000);
    for (end, kind) in [(ends.reader, Type::ReadEnd), (ends.writer, Type::WriteEnd)] {
        let place = field.at + u64::from(session.basics(end, kind, 0).unwrap().index) * field.stride;
        file.write_at(&0_u32.to_le_bytes(), place).unwrap();
        let failure = match kind {
            Type::ReadEnd => session.take_wait(end, &mut [0; 8], Mode::Whole, &mut until).unwrap_err(),
            _ => session.put_wait(end, &[b"no room"], 0, &mut until).unwrap_err(),
        };
        assert_eq!(failure.status, NtStatus::INVALID_HANDLE);
        file.write_at(&1_u32.to_le_bytes(), place).unwrap();
        let _ = session.put_frame(ends.writer, &[b"x"], 0).unwrap(); // now it is full
    }
}
