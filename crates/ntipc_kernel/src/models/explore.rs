//! Running a model under many schedules: at random, and with few preemptions at random places (PCT).

use super::world::World;
use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};
use shuttle::{Config, MaxSteps, Runner};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Factor to all numbers of schedules, for a long search.
const MORE: &str = "NTIPC_MODEL_SCHEDULES";
/// A schedule that a failure printed, to run that one alone.
const REPLAY: &str = "NTIPC_MODEL_REPLAY";

const SEED: u64 = 0x6e74_6970_6331;

/// A model and how long to search in it.
pub struct Model {
    pub name: &'static str,
    pub schedules: usize,
    pub body: fn(&World),
}

/// What a search came to.
#[derive(Clone, Copy, Debug)]
pub struct Explored {
    pub schedules: usize,
    /// Schedules in which somebody was killed.
    pub deaths: usize,
}

/// How the next thread is chosen.
#[derive(Clone, Copy, Debug)]
pub enum Search {
    Random,
    /// As many preemptions.
    Preemptions(usize),
}

fn configuration() -> Config {
    let mut config = Config::new();
    config.stack_size = 256 << 10;
    config.max_steps = MaxSteps::FailAfter(200_000);
    config.silence_warnings = true;
    config
}

impl Model {
    fn run(&self, scheduler: impl Scheduler + 'static) -> Explored {
        let (body, deaths) = (self.body, Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&deaths);
        let schedules = Runner::new(scheduler, configuration()).run(move || {
            let world = World::new();
            body(&world);
            counted.fetch_add(usize::from(world.deaths() > 0), Ordering::Relaxed);
        });
        Explored { schedules, deaths: deaths.load(Ordering::Relaxed) }
    }

    fn search(&self, search: Search, schedules: usize) -> Explored {
        match search {
            Search::Random => self.run(RandomScheduler::new_from_seed(SEED, schedules)),
            Search::Preemptions(depth) => self.run(PctScheduler::new_from_seed(SEED + depth as u64, depth, schedules)),
        }
    }

    const SEARCHES: [Search; 4] =
        [Search::Random, Search::Preemptions(1), Search::Preemptions(2), Search::Preemptions(4)];

    /// Look for a schedule under which the model fails; panics if there is one.
    pub fn explore(&self) -> Explored {
        if let Ok(schedule) = std::env::var(REPLAY) {
            return self.run(ReplayScheduler::new_from_encoded(&schedule));
        }
        let factor: usize = std::env::var(MORE).ok().and_then(|text| text.parse().ok()).unwrap_or(1);
        let mut sum = Explored { schedules: 0, deaths: 0 };
        for search in Self::SEARCHES {
            let part = self.search(search, (self.schedules * factor / 4).max(1));
            sum = Explored { schedules: sum.schedules + part.schedules, deaths: sum.deaths + part.deaths };
        }
        println!("{}: {} schedules, a death in {}", self.name, sum.schedules, sum.deaths);
        sum
    }

    /// The model without an ingredient of the protocol. Panics unless a schedule shows that it is missed.
    pub fn explore_without(&self, ingredient: &str) {
        assert!(crate::mutation::leave_out(ingredient), "there is no ingredient {ingredient}");
        // The first search that fails is proof enough.
        let found = Self::SEARCHES
            .iter()
            .find(|search| catch_unwind(AssertUnwindSafe(|| self.search(**search, self.schedules))).is_err());
        let _ = crate::mutation::leave_out("");
        match found {
            Some(search) => println!("{} without {ingredient}: found by {search:?}", self.name),
            None => panic!("{} does not miss {ingredient}", self.name),
        }
    }
}
