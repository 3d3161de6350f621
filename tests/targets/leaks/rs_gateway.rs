// A gateway that knows its clients' sessions, per tenant.
//
//   leak   Tenant::open       a session per login; logging out removes it, but one in
//                             eight just vanishes, and its session stays
//   decoy  Limits::take       a bucket per address, dropped when it is full again: as many as
//                             there are clients at the time, more by day
//   decoy  Journal::note      lines that are written out in batches: a saw-tooth
#[allow(dead_code)]
#[path = "pacing.rs"]
mod pacing;

use std::collections::{HashMap, VecDeque};

struct Session {
    opened: u64,
    rights: [u32; 12],
    client: [u8; 120],
}

#[derive(Default)]
struct Tenant {
    sessions: HashMap<u64, Session>,
}

impl Tenant {
    fn open(&mut self, token: u64, tick: u64) {
        let mut session = Session { opened: tick, rights: [1; 12], client: [0; 120] };
        session.client[(token % 120) as usize] = b'x';
        self.sessions.insert(token, session);
    }

    fn close(&mut self, token: u64) -> u64 {
        self.sessions
            .remove(&token)
            .map_or(0, |s| s.opened + u64::from(s.rights[3]) + u64::from(s.client[5]))
    }
}

#[derive(Default)]
struct Limits {
    buckets: HashMap<String, u64>,
    order: VecDeque<String>,
}

impl Limits {
    fn take(&mut self, address: u64) {
        let name = format!("address {} of a client somewhere in the net", address);
        let left = self.buckets.entry(name.clone()).or_insert_with(|| 100);
        *left -= 1;
        if *left == 99 {
            self.order.push_back(name);
        }
    }

    fn refill(&mut self, keep: usize) {
        while self.order.len() > keep {
            if let Some(name) = self.order.pop_front() {
                self.buckets.remove(&name);
            }
        }
    }
}

#[derive(Default)]
struct Journal {
    lines: Vec<String>,
    written: usize,
}

impl Journal {
    fn note(&mut self, token: u64, tenant: usize) {
        let line = format!("tenant {} opened session {:016x} for a client of the api{:>200}", tenant, token, ".");
        self.lines.push(line);
        if self.lines.len() >= 7000 {
            self.written += self.lines.len();
            self.lines = Vec::new();
        }
    }
}

fn main() {
    let options = pacing::options();
    let mut random = pacing::Random(options.seed);
    let mut tenants: Vec<Tenant> = (0..24).map(|_| Tenant::default()).collect();
    let mut limits = Limits::default();
    let mut journal = Journal::default();
    let mut open: VecDeque<(usize, u64)> = VecDeque::new();
    let mut closed = 0u64;
    let mut pace = pacing::Pace::start(options.seconds, 100.0);
    while pace.next() {
        for _ in 0..32 {
            let tenant = random.popular(24) as usize;
            let token = random.next();
            tenants[tenant].open(token, pace.tick);
            journal.note(token, tenant);
            limits.take(random.below(60000));
            if token % 8 != 0 {
                open.push_back((tenant, token));
            }
        }
        while open.len() > 400 {
            if let Some((tenant, token)) = open.pop_front() {
                closed += tenants[tenant].close(token);
            }
        }
        let day = (pace.tick as f64 / 250.0 * 6.2832).sin();
        limits.refill((3000.0 + 1500.0 * day) as usize);
    }
    println!("closed: {}, written: {}", closed, journal.written);
    std::process::exit(0);
}
