//! The debug log: each line is read once by each reader or counted as lost, no reader sleeps beside one, and no copy is
//! of two lines.

use crate::waiting::wait;
use ntipc_kernel::Session;
use ntipc_kernel::debuglog::LogReader;
use ntipc_kernel::models::{Fate, Model, World};
use ntipc_kernel::object::kind::Kind;
use std::sync::{Arc, Mutex};

/// What a reader has read.
type Seen = Arc<Mutex<Vec<String>>>;

fn line(writer: u32, number: u32) -> String {
    // In three words of its line, and in two blocks.
    let length = if number % 2 == 0 { 24 } else { 600 };
    format!("{writer}{number}").chars().cycle().take(length).collect()
}

/// Take what is there; each line must be one that somebody wrote.
fn take(reader: &LogReader, seen: &Seen) {
    while let Some(line) = reader.read().unwrap() {
        let text = String::from_utf8(line.text).unwrap();
        // Where a stopped writer keeps the blocks, a line is cut.
        let is = |whole: &str| if line.is_cut { whole.starts_with(&text) } else { whole == text };
        let whole =
            (0..4).flat_map(|writer| (0..16).map(move |number| self::line(writer, number))).find(|whole| is(whole));
        seen.lock().unwrap().push(whole.unwrap_or_else(|| panic!("a line of nobody: {text}")));
    }
}

fn write(session: &Arc<Session>, writer: u32, lines: u32) {
    for number in 0..lines {
        session.log(line(writer, number).as_bytes());
    }
}

/// The lines of a writer that were seen, in order and each once.
fn check_order(seen: &Seen, writer: u32, lines: u32) -> usize {
    let seen = seen.lock().unwrap();
    let places: Vec<u32> =
        seen.iter().filter_map(|text| (0..lines).find(|number| line(writer, *number) == *text)).collect();
    assert!(places.is_sorted_by(|one, other| one < other), "out of order, or twice: {places:?}");
    places.len()
}

/// Reads until it has read or lost so many lines, asleep in between.
fn read_all(session: &Arc<Session>, bell: u32, reader: &LogReader, seen: &Seen, lines: u64) {
    loop {
        take(reader, seen);
        if seen.lock().unwrap().len() as u64 + reader.lost() >= lines {
            return;
        }
        if !reader.arm().unwrap() {
            wait(session, &[bell], false);
        }
    }
}

/// Two write, one reads; the ring comes round.
fn lines_of_two(world: &World) {
    let bell = world.make(Kind::NotificationEvent, 0, 0);
    let (left, right) = (world.process(), world.process());
    let seen = Seen::default();
    let reader = Arc::new(world.first().read_log(bell, false).unwrap());
    for (writer, process) in [&left, &right].into_iter().enumerate() {
        world.thread(process, Fate::Lives, move |session| write(session, writer as u32, 4));
    }
    let (first, log, read) = (world.first(), Arc::clone(&reader), Arc::clone(&seen));
    world.thread(&first, Fate::Lives, move |session| read_all(session, bell, &log, &read, 8));
    world.run();
    let found = check_order(&seen, 0, 4) + check_order(&seen, 1, 4);
    // A number that was passed over, because its place was not to be had, may be counted as well.
    assert!(found as u64 + reader.lost() >= 8, "{found} lines were read and {} counted as lost, of 8", reader.lost());
    reader.close();
}

/// One reads what is there while another goes round the ring.
fn overwritten(world: &World) {
    let bell = world.make(Kind::NotificationEvent, 0, 0);
    let process = world.process();
    let seen = Seen::default();
    let reader = Arc::new(world.first().read_log(bell, false).unwrap());
    for number in [0, 2] {
        world.first().log(line(0, number).as_bytes());
    }
    let (first, log, read) = (world.first(), Arc::clone(&reader), Arc::clone(&seen));
    world.thread(&first, Fate::Lives, move |_| take(&log, &read));
    world.thread(&process, Fate::Lives, move |session| {
        for number in [4, 6, 8, 10] {
            session.log(line(0, number).as_bytes());
        }
    });
    world.run();
    take(&reader, &seen);
    assert_eq!(check_order(&seen, 0, 11) as u64 + reader.lost(), 6);
    reader.close();
}

/// A writer dies at any step, another writes one line, and the reader reads that one at least.
fn writer_dies(world: &World) {
    let bell = world.make(Kind::NotificationEvent, 0, 0);
    let (left, right) = (world.process(), world.process());
    world.reaper();
    let seen = Seen::default();
    let reader = Arc::new(world.first().read_log(bell, false).unwrap());
    let ended = world.ended();
    world.thread(&left, Fate::Killed { within: 60 }, move |session| write(session, 0, 1));
    world.thread(&right, Fate::Lives, move |session| {
        ended.wait_for(1);
        write(session, 1, 1);
    });
    let (first, log, read) = (world.first(), Arc::clone(&reader), Arc::clone(&seen));
    world.thread(&first, Fate::Lives, move |session| {
        loop {
            take(&log, &read);
            if check_order(&read, 1, 1) == 1 {
                return;
            }
            if !log.arm().unwrap() {
                wait(session, &[bell], false);
            }
        }
    });
    world.run();
    assert!(check_order(&seen, 0, 1) <= 1);
    assert_eq!(reader.lost(), 0, "what the dead did not finish is absent");
    reader.close();
}

/// A writer dies at any step, and nobody writes after it: a line that is there wakes the reader.
fn last_words(world: &World) {
    let bell = world.make(Kind::NotificationEvent, 0, 0);
    let (left, over) = (world.process(), world.make(Kind::NotificationEvent, 0, 0));
    world.reaper();
    let (seen, other) = (Seen::default(), world.process());
    let reader = Arc::new(world.first().read_log(bell, false).unwrap());
    let ended = world.ended();
    world.thread(&left, Fate::Killed { within: 60 }, move |session| write(session, 0, 1));
    world.thread(&other, Fate::Lives, move |session| {
        ended.wait_for(1);
        session.set_event(over).unwrap();
    });
    let (first, log, read) = (world.first(), Arc::clone(&reader), Arc::clone(&seen));
    world.thread(&first, Fate::Lives, move |session| {
        if !log.arm().unwrap() {
            wait(session, &[bell, over], false);
        }
        wait(session, &[over], false);
        // The dead are buried: had a line come by then, the event of the reader is set.
        let told = session.event_is_set(bell).unwrap();
        take(&log, &read);
        assert!(told || read.lock().unwrap().is_empty(), "a reader would sleep beside a line");
    });
    world.run();
    reader.close();
}

/// A writer is stopped for long and goes on, while others go round the ring.
fn writer_pauses(world: &World) {
    let bell = world.make(Kind::NotificationEvent, 0, 0);
    let (left, right) = (world.process(), world.process());
    let seen = Seen::default();
    let reader = Arc::new(world.first().read_log(bell, false).unwrap());
    world.thread(&left, Fate::Paused { within: 30 }, move |session| write(session, 0, 2));
    for writer in [1, 2] {
        world.thread(&right, Fate::Lives, move |session| write(session, writer, 6));
    }
    let (first, log, read) = (world.first(), Arc::clone(&reader), Arc::clone(&seen));
    world.thread(&first, Fate::Lives, move |_| {
        for _ in 0..20 {
            take(&log, &read);
            ntipc_kernel::models::give_way();
        }
    });
    world.run();
    take(&reader, &seen);
    let found: usize = [(0, 2), (1, 6), (2, 6)].map(|(writer, lines)| check_order(&seen, writer, lines)).iter().sum();
    assert!(found as u64 + reader.lost() >= 14, "{found} lines were read and {} counted as lost, of 14", reader.lost());
    reader.close();
}

const TWO: Model = Model { name: "lines of two", schedules: 2000, body: lines_of_two };
const OVERWRITTEN: Model = Model { name: "an overwritten line", schedules: 3000, body: overwritten };
const DIES: Model = Model { name: "a writer of the log dies", schedules: 4000, body: writer_dies };
const WORDS: Model = Model { name: "last words", schedules: 4000, body: last_words };
const PAUSES: Model = Model { name: "a writer of the log pauses", schedules: 3000, body: writer_pauses };

#[test]
fn each_line_is_read_or_lost() {
    TWO.explore();
}

#[test]
fn a_line_that_is_overwritten_while_it_is_read_is_lost() {
    OVERWRITTEN.explore();
}

#[test]
fn a_line_that_is_overwritten_while_it_is_read_is_lost_needs_the_check_of_the_copy() {
    OVERWRITTEN.explore_without("log-checked");
}

#[test]
fn each_line_is_read_or_lost_needs_the_look_of_a_reader_that_will_sleep() {
    TWO.explore_without("log-arm-looks");
}

#[test]
fn a_line_of_the_dead_is_whole_or_absent() {
    DIES.explore();
}

#[test]
fn a_line_of_the_dead_wakes_the_reader() {
    WORDS.explore();
}

#[test]
fn a_line_of_the_dead_wakes_the_reader_needs_its_burial() {
    WORDS.explore_without("log-bells");
}

#[test]
fn a_writer_that_pauses_harms_no_line() {
    PAUSES.explore();
}

#[test]
fn a_writer_that_pauses_harms_no_line_needs_its_ownership() {
    PAUSES.explore_without("log-owned");
}
