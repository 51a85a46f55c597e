//! A process is killed at each step of an operation on a queue, while the other side sleeps for ever.
//!
//! The victim is this test program once more, told by its environment which scene to play, where to die, and at which pass.
//! Each file of scenes has what the victim does beside what those do that live, and says which points they reach
//! together: the last test here holds that against the list of all points.
#![cfg(feature = "faults")]
#![allow(clippy::unwrap_used, reason = "a failed call fails the test")]

mod badges;
mod calls;
mod frames;
mod handles;
mod readers;
mod settling;
mod short;
#[path = "../support/mod.rs"]
mod support;
mod sweep;
mod turns;

use sweep::{Stage, queue_points};

#[test]
#[ignore = "run by the other tests of this program, as a process of its own"]
fn victim() {
    let stage = Stage::enter();
    match &stage.scene[..] {
        "put" => frames::victim_puts(&stage),
        "take" => frames::victim_takes(&stage),
        "stop" => frames::victim_stops_before_it_counts(&stage),
        "turn" => turns::victim_waits_for_room(&stage),
        "token" => turns::victim_waits_for_a_frame(&stage),
        "put within" => turns::victim_puts_while_it_waits(&stage),
        "take within" => turns::victim_takes_while_it_waits(&stage),
        "reclaim" => frames::victim_reclaims(&stage),
        "long" => frames::victim_leaves_much(&stage),
        "own" => frames::victim_makes_and_leaves(&stage),
        "ask" => calls::victim_asks(&stage),
        "answer" => calls::victim_answers(&stage),
        "refuse" => calls::victim_refuses(&stage),
        "send" => handles::victim_sends(&stage),
        "receive" => handles::victim_receives(&stage),
        "drop" => handles::victim_drops(&stage),
        "reader" => readers::victim_opens_and_closes(&stage),
        "badge" => badges::victim_puts_with_badges(&stage),
        "badge reader" => badges::victim_takes_with_badges(&stage),
        "badge asks" => badges::victim_asks_with_a_badge(&stage),
        "refuse badges" => badges::victim_leaves_badges(&stage),
        "leave badges" => badges::victim_leaves_frames_of_badges(&stage),
        "stop badge" => badges::victim_stops_before_its_badge_counts(&stage),
        "put short" => short::victim_puts(&stage),
        "take short" => short::victim_takes(&stage),
        "settler" => settling::victim_settles(&stage),
        scene => panic!("no scene {scene}"),
    }
    stage.leave();
}

/// What each file of scenes reaches; each of its tests makes sure of its part.
const REACHED: [&[&str]; 12] = [
    frames::BY_PUTTING,
    frames::BY_TAKING,
    frames::BY_MAKING,
    badges::BY_BADGES,
    calls::BY_ASKING,
    calls::BY_ANSWERING,
    calls::BY_LOSING,
    handles::BY_SENDING,
    handles::BY_RECEIVING,
    handles::BY_DROPPING,
    turns::BY_WAITING,
    settling::BY_SETTLING,
];

#[test]
fn every_point_of_queues_has_a_scene() {
    let reached = REACHED.concat();
    let missing: Vec<_> = queue_points().iter().filter(|point| !reached.contains(point)).collect();
    assert!(missing.is_empty(), "no scene reaches {missing:?}");
}
