// What the Rust programs of this folder share: their options, ticks paced by the clock, and
// random numbers from a seed. pacing.h says more.
use std::time::{Duration, Instant};

pub struct Options {
    pub seconds: f64,
    pub seed: u64,
}

// [--seconds S] [--seed N]
pub fn options() -> Options {
    let mut options = Options { seconds: 9.0, seed: 1 };
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    for pair in arguments.chunks(2) {
        match (pair[0].as_str(), pair.get(1)) {
            ("--seconds", Some(value)) => options.seconds = value.parse().unwrap(),
            ("--seed", Some(value)) => options.seed = value.parse().unwrap(),
            _ => {
                eprintln!("usage: [--seconds S] [--seed N]");
                std::process::exit(2);
            }
        }
    }
    options
}

pub struct Pace {
    start: Instant,
    hz: f64,
    pub tick: u64, // 1 in the first turn
    ticks: u64,
}

impl Pace {
    pub fn start(seconds: f64, hz: f64) -> Pace {
        Pace { start: Instant::now(), hz, tick: 0, ticks: (seconds * hz) as u64 }
    }

    // Sleeps until the next tick is due. False when the time is over.
    pub fn next(&mut self) -> bool {
        if self.tick == self.ticks {
            return false;
        }
        self.tick += 1;
        let due = self.start + Duration::from_secs_f64(self.tick as f64 / self.hz);
        let now = Instant::now();
        if due > now {
            std::thread::sleep(due - now);
        }
        true
    }

    // The part of the run that is over, from 0 to 1.
    pub fn progress(&self) -> f64 {
        self.tick as f64 / self.ticks as f64
    }
}

// splitmix64
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e3779b97f4a7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d049bb133111eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    // Below limit, small numbers far more often: popularity in a crowd.
    pub fn popular(&mut self, limit: u64) -> u64 {
        let u = (self.next() >> 11) as f64 / 9007199254740992.0;
        (u * u * limit as f64) as u64
    }
}
