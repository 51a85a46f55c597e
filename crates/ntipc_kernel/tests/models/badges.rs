//! Badges: whatever becomes of the last handle of one, and whenever, its notice comes once, after all its frames, and
//! wakes a reader.

use crate::waiting::Tally;
use ntipc_kernel::models::{Fate, Model, World};
use ntipc_kernel::object::table::Disposition;
use ntipc_kernel::queue::{Mode, NewQueue, Until};
use ntipc_kernel::sys::clock::NEVER;
use ntipc_kernel::{NtStatus, Session};
use std::sync::Arc;

/// A queue with badges, of the first process: handles to its read end and its write end.
fn queue(world: &World) -> (u32, u32) {
    let new = NewQueue { quota: u64::MAX, badge_quota: 1000, ..NewQueue::default() };
    let made = world.first().make_queue(None, Disposition::Create, 0, new).unwrap();
    (made.reader, made.writer)
}

/// The badge of what comes next, and whether it is the notice.
fn take(session: &Arc<Session>, reader: u32) -> (u64, bool) {
    let taken = session.take_wait(reader, &mut [0; 8], Mode::Whole, &mut Until(NEVER)).unwrap().unwrap();
    (taken.badge().unwrap().0, taken.closed())
}

/// Whether it was put: the handle may be closed by now.
fn put(session: &Arc<Session>, handle: u32) -> bool {
    match session.put_wait(handle, &[b"frame"], 0, &mut Until(NEVER)) {
        Ok(put) => {
            assert!(put.is_some());
            true
        }
        Err(failure) => {
            assert_eq!(failure.status, NtStatus::INVALID_HANDLE);
            false
        }
    }
}

/// One thread puts through a badge, and another closes it under its hands.
fn closed_in_a_put(world: &World) {
    let (reader, _) = queue(world);
    let (server, client) = (world.process(), world.process());
    let badge = client.make_badge(reader, 7).unwrap().handle;
    let (sent, seen) = (Tally::default(), Tally::default());
    let (noted, counted) = (sent.clone(), seen.clone());
    world.thread(&client, Fate::Lives, move |session| {
        if put(session, badge) {
            noted.add(1);
        }
    });
    world.thread(&client, Fate::Lives, move |session| session.close(badge).unwrap());
    world.thread(&server, Fate::Lives, move |session| {
        while !take(session, reader).1 {
            counted.add(1);
        }
    });
    world.run();
    assert_eq!(sent.get(), seen.get(), "a frame came after the notice of its badge, or not at all");
    assert!(world.first().take_frame(reader, &mut [0; 8], Mode::Whole).unwrap().is_none());
}

/// Two badges end while others put; as many readers as there is to take, each of whom takes one thing.
fn readers_compete(world: &World) {
    let (reader, _) = queue(world);
    let (server, client) = (world.process(), world.process());
    let [one, two] = [1, 2].map(|number| client.make_badge(reader, number).unwrap().handle);
    let (frames, notices) = (Tally::default(), Tally::default());
    world.thread(&client, Fate::Lives, move |session| {
        assert!(put(session, one));
        session.close(one).unwrap();
    });
    world.thread(&client, Fate::Lives, move |session| session.close(two).unwrap());
    for _ in 0..3 {
        let (frames, notices) = (frames.clone(), notices.clone());
        world.thread(&server, Fate::Lives, move |session| match take(session, reader) {
            (_, false) => _ = frames.add(1),
            (badge, true) => _ = notices.add(badge as u32),
        });
    }
    world.run();
    assert_eq!((frames.get(), notices.get()), (1, 3));
}

/// The client dies at any step: in a put, at closing, or with the handle.
fn client_dies(world: &World) {
    world.reaper();
    world.reaper();
    let (reader, _) = queue(world);
    let (server, victim) = (world.process(), world.process());
    let badge = victim.make_badge(reader, 7).unwrap().handle;
    world.thread(&victim, Fate::Killed { within: 200 }, move |session| {
        put(session, badge);
        put(session, badge);
        session.close(badge).unwrap();
    });
    world.thread(&server, Fate::Lives, move |session| {
        let mut frames = 0;
        while !take(session, reader).1 {
            frames += 1;
        }
        assert!(frames <= 2);
        assert!(session.take_frame(reader, &mut [0; 8], Mode::Whole).unwrap().is_none());
    });
    world.run();
}

/// The server dies as it takes; another one takes the rest. A notice may be lost with it, and does not come twice.
fn server_dies(world: &World) {
    world.reaper();
    world.reaper();
    let (reader, _) = queue(world);
    let (victim, other, client) = (world.process(), world.process(), world.process());
    let [one, two] = [1, 2].map(|number| client.make_badge(reader, number).unwrap().handle);
    let last = client.make_badge(reader, 3).unwrap().handle;
    assert!(put(&client, one));
    world.thread(&victim, Fate::Killed { within: 200 }, move |session| {
        // It waits for nothing: the other one may take all.
        for _ in 0..2 {
            session.take_frame(reader, &mut [0; 8], Mode::Whole).unwrap();
        }
    });
    world.thread(&client, Fate::Lives, move |session| [one, two].iter().for_each(|end| session.close(*end).unwrap()));
    let done = world.ended();
    world.thread(&client, Fate::Lives, move |session| {
        done.wait_for(1);
        session.close(last).unwrap();
    });
    world.thread(&other, Fate::Lives, move |session| {
        let mut ended = Vec::new();
        loop {
            let (badge, closed) = take(session, reader);
            assert!(!ended.contains(&badge), "something came after the notice of its badge");
            if closed {
                ended.push(badge);
            }
            if badge == 3 {
                return;
            }
        }
    });
    world.run();
}

const CLOSED: Model = Model { name: "a badge is closed in a put", schedules: 6000, body: closed_in_a_put };
const READERS: Model = Model { name: "readers compete for notices", schedules: 4000, body: readers_compete };
const CLIENT: Model = Model { name: "a client with a badge dies", schedules: 4000, body: client_dies };
const SERVER: Model = Model { name: "a taker of notices dies", schedules: 4000, body: server_dies };

#[test]
fn a_notice_comes_after_the_frame_that_is_being_put() {
    CLOSED.explore();
}

#[test]
fn a_notice_comes_after_the_frame_that_is_being_put_needs_puts_under_way_counted() {
    CLOSED.explore_without("notice-counts-put");
}

#[test]
fn a_notice_comes_after_the_frame_that_is_being_put_needs_the_reader_told() {
    CLOSED.explore_without("notice-told");
}

#[test]
fn each_notice_goes_to_one_reader() {
    READERS.explore();
}

#[test]
fn a_notice_comes_whenever_its_client_dies() {
    CLIENT.explore();
}

#[test]
fn a_notice_comes_whenever_its_client_dies_needs_the_reader_told() {
    CLIENT.explore_without("notice-told");
}

#[test]
fn a_dead_taker_leaves_the_other_notices() {
    SERVER.explore();
}
