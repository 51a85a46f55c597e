//! Victims, and the sweep through the points at which they die.

use crate::support::{Private, join, private};
use ntipc_kernel::fault::{self, Action};
use ntipc_kernel::object::table::Disposition;
use ntipc_kernel::queue::{Mode, NewQueue, Until};
use ntipc_kernel::sys::clock::NEVER;
use ntipc_kernel::{NtStatus, Session};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

pub const NAME: &str = r"queue\q";
pub const LENGTHS: [usize; 6] = [100, 3000, 1900, 1900, 9000, 0];
/// So many passes of a point, at most, are each a death of their own.
const PASSES: u32 = 4;

/// Frame `number`, of which every byte can be told.
pub fn frame(number: usize) -> Vec<u8> {
    (0..LENGTHS[number % LENGTHS.len()]).map(|place| (place * 31 + number * 7) as u8).collect()
}

pub fn put(session: &Arc<Session>, writer: u32, number: usize) {
    session.put_wait(writer, &[&frame(number)], number as u32, &mut Until(NEVER)).unwrap().unwrap();
}

/// The next frame, whole and as it was put; `None`: it was the last.
pub fn take_next(session: &Arc<Session>, reader: u32) -> Option<usize> {
    let mut buffer = vec![0; 10_000];
    match session.take_wait(reader, &mut buffer, Mode::Part, &mut Until(NEVER)) {
        Ok(taken) => {
            let taken = taken.unwrap();
            assert_eq!((taken.left, &buffer[..taken.bytes]), (0, &frame(taken.tag as usize)[..]));
            Some(taken.tag as usize)
        }
        Err(failure) => {
            assert_eq!(failure.status, NtStatus::PIPE_BROKEN);
            None
        }
    }
}

/// The points of queues, as they stand in the list of all.
pub fn queue_points() -> &'static [&'static str] {
    let place = |name| fault::NAMES.iter().position(|known| *known == name).unwrap();
    &fault::NAMES[place("PoolFilled")..place("ForkBeforeCopy")]
}

/// The victim's own side of a scene.
pub struct Stage {
    pub session: Private,
    pub scene: String,
}

fn told(name: &str) -> String {
    std::env::var(format!("NTIPC_VICTIM_{name}")).unwrap()
}

impl Stage {
    pub fn enter() -> Stage {
        Stage { session: join(&told("SESSION")), scene: told("SCENE") }
    }

    pub fn say(&self, word: impl std::fmt::Display) {
        let mut out = std::io::stdout();
        writeln!(out, ">{word}").unwrap();
        out.flush().unwrap();
    }

    /// Say that everything is ready, wait for the word, and arm the point.
    pub fn begin(&self) {
        self.say("ready");
        self.hear();
        assert!(fault::arm(&told("POINT"), told("PASS").parse().unwrap(), Action::Kill));
    }

    /// Come back at the next word of the killer, or when it is gone.
    pub fn hear(&self) {
        std::io::stdin().lock().read_line(&mut String::new()).unwrap();
    }

    /// It has lived to its end: leave, and don't die at that.
    pub fn leave(self) {
        fault::arm("LockTaken", i32::MAX, Action::Kill);
        self.session.leave(true).unwrap();
        std::process::exit(0);
    }
}

/// A process that is to die, as its killer sees it. Ended when dropped.
pub struct Victim {
    child: Child,
    words: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Victim {
    pub fn start(session: &str, scene: &str, point: &str, pass: u32) -> Victim {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["victim", "--exact", "--ignored", "--nocapture"])
            .env("NTIPC_VICTIM_SESSION", session)
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
    pub fn word(&mut self) -> Option<String> {
        // The harness writes before and between.
        self.words.by_ref().map_while(Result::ok).find_map(|line| line.split_once('>').map(|(_, word)| word.to_owned()))
    }

    pub fn is_gone(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub fn go(&mut self) {
        let _ = writeln!(self.child.stdin.as_mut().unwrap(), "go"); // it may be dead
    }

    fn is_in_state(&self, state: char) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        status.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with(state))
    }

    pub fn is_stopped(&self) -> bool {
        self.is_in_state('T')
    }

    /// Until it is dead, whether or not anybody has waited for it.
    pub fn lives(&self) -> bool {
        !self.is_in_state('Z')
    }

    /// Stop it where it is, or let it go on: "STOP" or "CONT".
    pub fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        assert!(kill.args(["-s", name, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Whether it lived to its end.
    pub fn wait(&mut self) -> bool {
        self.child.wait().unwrap().success()
    }
}

/// Come back when nothing is left of any queue, and see that the doctor finds nothing.
pub fn everything_goes(session: &Arc<Session>) {
    let of = |name| session.statistics().iter().find(|(known, _)| *known == name).unwrap().1;
    while of("objects") > 0 || of("pages_free") != of("pages_high") {
        std::thread::yield_now(); // a watcher may still be at it
    }
    assert_eq!(ntipc_kernel::doctor::examine(&session.path, 1000).unwrap().findings, []);
}

/// Play a scene with a death at each pass of each point that it reaches, and see that it reaches `expected`. `run` says
/// whether the victim lived; it is given a queue of [`NAME`], if there is to be one, by handles to its ends.
pub fn sweep(
    scene: &str,
    quota: Option<u64>,
    expected: &[&str],
    run: impl Fn(&Arc<Session>, (u32, u32), Victim) -> bool,
) {
    sweep_points(queue_points(), scene, quota, expected, run);
}

/// The same, of points that need not be of queues.
pub fn sweep_points(
    points: &[&'static str],
    scene: &str,
    quota: Option<u64>,
    expected: &[&str],
    run: impl Fn(&Arc<Session>, (u32, u32), Victim) -> bool,
) {
    let mut reached = Vec::new();
    for point in points {
        for pass in 1..=PASSES {
            let session = private();
            let queue = quota.map(|quota| {
                let new = NewQueue { quota, badge_quota: 1 << 20, ..NewQueue::default() };
                let made = session.make_queue(Some(NAME), Disposition::Create, 0, new).unwrap();
                (made.reader, made.writer)
            });
            let victim = Victim::start(&session.path, scene, point, pass);
            let lived = run(&session, queue.unwrap_or((0, 0)), victim);
            for end in queue.map_or(vec![], |(reader, writer)| vec![reader, writer]) {
                let _ = session.close(end);
            }
            everything_goes(&session);
            if lived {
                break;
            }
            reached.push(*point);
        }
    }
    let missed: Vec<_> = expected.iter().filter(|point| !reached.contains(point)).collect();
    assert!(missed.is_empty(), "{scene} does not reach {missed:?}");
}
