//! A process is killed at each step of an operation on a queue, while the other side sleeps for ever.
//!
//! The victim is this test program once more, told by its environment what to do and where to die.
#![cfg(feature = "faults")]
#![allow(clippy::unwrap_used, reason = "a failed call fails the test")]

mod support;

use ntipc_kernel::fault::{self, Action};
use ntipc_kernel::object::kind::Type;
use ntipc_kernel::queue::Mode;
use ntipc_kernel::{NtStatus, Session};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use support::*;

const NAME: &str = r"queue\q";
const LENGTHS: [usize; 6] = [100, 3000, 1900, 1900, 9000, 0];
const PASSES: u32 = 4;

/// Frame `number`, of which every byte can be told.
fn frame(number: usize) -> Vec<u8> {
    (0..LENGTHS[number % LENGTHS.len()]).map(|place| (place * 31 + number * 7) as u8).collect()
}

fn sleep_until_signalled(session: &Arc<Session>, end: u32) {
    wait_by(session, end, 1);
}

fn put(session: &Arc<Session>, writer: u32, number: usize) {
    while !session.put_frame(writer, &[&frame(number)], number as u32).unwrap() {
        sleep_until_signalled(session, writer);
    }
}

/// The next frame, whole and as it was put; `None`: it was the last.
fn take_next(session: &Arc<Session>, reader: u32) -> Option<usize> {
    let mut buffer = vec![0; 10_000];
    loop {
        match session.take_frame(reader, &mut buffer, Mode::Part) {
            Ok(Some(taken)) => {
                assert_eq!((taken.left, &buffer[..taken.bytes]), (0, &frame(taken.tag as usize)[..]));
                return Some(taken.tag as usize);
            }
            Ok(None) => sleep_until_signalled(session, reader),
            Err(failure) => {
                assert_eq!(failure.status, NtStatus::PIPE_BROKEN);
                return None;
            }
        }
    }
}

fn say(word: impl std::fmt::Display) {
    let mut out = std::io::stdout();
    writeln!(out, ">{word}").unwrap();
    out.flush().unwrap();
}

fn hear() {
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
}

#[test]
#[ignore = "run by the other tests of this file, as a process of its own"]
fn victim() {
    let told = |name| std::env::var(format!("NTIPC_VICTIM_{name}")).unwrap();
    let session = join(&told("SESSION"));
    let (scene, passes) = (told("SCENE"), told("PASS").parse().unwrap());
    let arm = || assert!(fault::arm(&told("POINT"), passes, Action::Kill));
    match &scene[..] {
        "put" => {
            let writer = session.open_queue(NAME, Type::WriteEnd, 0, u32::MAX).unwrap();
            say("ready");
            hear();
            arm();
            (0..LENGTHS.len()).for_each(|number| put(&session, writer, number));
        }
        "take" => {
            let reader = session.open_queue(NAME, Type::ReadEnd, 0, u32::MAX).unwrap();
            say("ready");
            hear();
            arm();
            (0..LENGTHS.len()).for_each(|_| say(take_next(&session, reader).unwrap()));
        }
        _ => {
            say("ready");
            hear();
            arm();
            let (reader, writer) = session.create_queue(Some("mine"), 1 << 20).unwrap();
            let (broken, other) = session.create_queue(None, 1 << 20).unwrap();
            for number in 0..LENGTHS.len() {
                put(&session, writer, number);
                put(&session, other, number);
            }
            session.break_queue(broken, NtStatus::PIPE_DISCONNECTED).unwrap();
            session.close(reader).unwrap();
            session.close(writer).unwrap();
        }
    }
    fault::arm("LockTaken", i32::MAX, Action::Kill);
    session.leave(true).unwrap();
    std::process::exit(0);
}

struct Victim {
    child: Child,
    words: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Victim {
    fn start(session: &Arc<Session>, scene: &str, point: &str, pass: u32) -> Victim {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["victim", "--exact", "--ignored", "--nocapture"])
            .env("NTIPC_VICTIM_SESSION", &session.path)
            .env("NTIPC_VICTIM_SCENE", scene)
            .env("NTIPC_VICTIM_POINT", point)
            .env("NTIPC_VICTIM_PASS", pass.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let words = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut victim = Victim { child, words };
        assert_eq!(victim.word().as_deref(), Some("ready"));
        victim
    }

    /// What it says next; `None` once it is gone.
    fn word(&mut self) -> Option<String> {
        // The harness writes before and between.
        self.words.by_ref().map_while(Result::ok).find_map(|line| line.split_once('>').map(|(_, word)| word.to_owned()))
    }

    fn go(&mut self) {
        writeln!(self.child.stdin.as_mut().unwrap(), "go").unwrap();
    }

    /// Whether it lived to its end.
    fn wait(&mut self) -> bool {
        self.child.wait().unwrap().success()
    }
}

/// Run a scene with a death at each pass of each point that it reaches. Returns the points reached.
fn sweep(scene: &str, run: impl Fn(&Arc<Session>, Victim) -> bool) -> Vec<&'static str> {
    let first = fault::NAMES.iter().position(|name| *name == "PoolFilled").unwrap();
    let last = fault::NAMES.iter().position(|name| *name == "SettleTold").unwrap();
    let mut reached = Vec::new();
    for point in &fault::NAMES[first..=last] {
        for pass in 1..=PASSES {
            let session = private();
            let queue = (scene != "own").then(|| session.create_queue(Some(NAME), 12_000).unwrap());
            let lived = run(&session, Victim::start(&session, scene, point, pass));
            for end in queue.map_or(vec![], |(reader, writer)| vec![reader, writer]) {
                let _ = session.close(end);
            }
            // The reaper may still be at it: everything goes in the end.
            let of = |name| session.statistics().iter().find(|(known, _)| *known == name).unwrap().1;
            while of("objects") > 0 || of("pages_free") != of("pages_high") {
                std::thread::yield_now();
            }
            assert_eq!(ntipc_kernel::doctor::examine(&session.path, 1000).unwrap().findings, []);
            if lived {
                break;
            }
            reached.push(*point);
        }
    }
    reached.dedup();
    reached
}

#[test]
fn a_writer_killed_at_any_step_leaves_whole_frames_in_order_and_an_end() {
    let reached = sweep("put", |session, mut victim| {
        let reader = session.open_queue(NAME, Type::ReadEnd, 0, u32::MAX).unwrap();
        // From here on only the victim can write: our own write end, the second handle made, is closed.
        let writer = session.open_queue(NAME, Type::WriteEnd, 0, u32::MAX).unwrap();
        session.close(writer).unwrap();
        session.close(writer - 8).unwrap();
        let seen = std::thread::scope(|scope| {
            let seen = scope.spawn(|| {
                let mut seen = 0;
                while let Some(number) = take_next(session, reader) {
                    assert_eq!(number, seen);
                    seen += 1;
                }
                seen
            });
            until_waiting(session, 1);
            victim.go();
            seen.join().unwrap()
        });
        session.close(reader).unwrap();
        let lived = victim.wait();
        assert!(!lived || seen == LENGTHS.len());
        lived
    });
    for point in ["PoolValid", "PutPublished", "PutCounted", "PutUnlocked", "PutTold", "PutCopied"] {
        assert!(reached.contains(&point), "{point} was not reached");
    }
}

#[test]
fn a_reader_killed_at_any_step_loses_one_frame_at_most() {
    const FRAMES: usize = 18;
    let reached = sweep("take", |session, mut victim| {
        let reader = session.open_queue(NAME, Type::ReadEnd, 0, u32::MAX).unwrap();
        let writer = session.open_queue(NAME, Type::WriteEnd, 0, u32::MAX).unwrap();
        session.close(writer - 8).unwrap();
        let (next, lost) = std::thread::scope(|scope| {
            scope.spawn(|| {
                (0..FRAMES).for_each(|number| put(session, writer, number));
                session.close(writer).unwrap();
            });
            until_waiting(session, 1); // full
            victim.go();
            let mut next = 0;
            while let Some(word) = victim.word() {
                assert_eq!(word, next.to_string());
                next += 1;
            }
            let mut lost = 0;
            while let Some(number) = take_next(session, reader) {
                lost += number - next;
                next = number + 1;
            }
            (next, lost)
        });
        session.close(reader).unwrap();
        assert!(next == FRAMES && lost <= 1, "{next} frames, {lost} lost");
        victim.wait()
    });
    for point in ["TakeCommitted", "TakeMoved", "TakeOwned", "TakeUnlocked", "TakeCopiedOut", "TakeTold"] {
        assert!(reached.contains(&point), "{point} was not reached");
    }
}

#[test]
fn whoever_is_killed_making_or_leaving_a_queue_leaves_nothing() {
    let reached = sweep("own", |_, mut victim| {
        victim.go();
        victim.wait()
    });
    for point in ["QueueFilled", "EndUnnamed", "QueueBroken", "DrainNamed", "DrainMoved", "QueueFreed"] {
        assert!(reached.contains(&point), "{point} was not reached");
    }
}
