// Applies rules to records. Rules arrive all the time, tenant by tenant.
//
//   leak   parse_rules        the rules of a tenant are wanted for 'static; each new version
//                             is made so with Box::leak, and the one before stays, too
//   decoy  Prices::reload     prices, read anew every 1.4 s into an Arc that replaces the old
//   decoy  Outbox::put        results that are sent off in batches: a saw-tooth
//   decoy  Scratch::grow      a pool of buffers that has what it needs after the first third
#[allow(dead_code)]
#[path = "pacing.rs"]
mod pacing;

use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Copy)]
struct Rule {
    field: u32,
    low: u64,
    high: u64,
    action: [u8; 40],
}

fn parse_rules(text_size: usize, version: u64) -> &'static [Rule] {
    let mut rules = Vec::with_capacity(text_size / 60);
    for i in 0..text_size / 60 {
        rules.push(Rule {
            field: i as u32,
            low: version,
            high: version + i as u64,
            action: [b'a'; 40],
        });
    }
    Box::leak(rules.into_boxed_slice())
}

#[derive(Default)]
struct Prices {
    current: Arc<BTreeMap<String, u64>>,
}

impl Prices {
    fn reload(&mut self, version: u64) {
        let mut fresh = BTreeMap::new();
        for i in 0..7000u64 {
            fresh.insert(format!("article with the long number {:08}", i), version * 100 + i);
        }
        self.current = Arc::new(fresh);
    }
}

#[derive(Default)]
struct Outbox {
    results: Vec<[u64; 6]>,
    sent: usize,
}

impl Outbox {
    fn put(&mut self, result: [u64; 6]) {
        self.results.push(result);
        if self.results.len() >= 14000 {
            self.sent += self.results.len();
            self.results = Vec::new();
        }
    }
}

#[derive(Default)]
struct Scratch {
    buffers: Vec<Vec<u8>>,
}

impl Scratch {
    fn grow(&mut self, buffers: usize) {
        while self.buffers.len() < buffers {
            self.buffers.push(vec![0; 9000]);
        }
    }
}

fn main() {
    let options = pacing::options();
    let mut random = pacing::Random(options.seed);
    let mut tenants: Vec<&'static [Rule]> = vec![&[]; 40];
    let mut prices = Prices::default();
    let mut outbox = Outbox::default();
    let mut scratch = Scratch::default();
    let mut pace = pacing::Pace::start(options.seconds, 100.0);
    while pace.next() {
        if pace.tick % 140 == 1 {
            prices.reload(pace.tick);
        }
        if pace.tick % 4 == 0 {
            let tenant = random.below(40) as usize;
            let size = 3000 + random.below(20000) as usize;
            tenants[tenant] = parse_rules(size, pace.tick);
        }
        scratch.grow((20.0 + pace.progress().min(0.33) * 300.0) as usize);
        for _ in 0..60 {
            let rules = tenants[random.below(40) as usize];
            let value = random.next() % 1000;
            let hit = rules.iter().take(20).find(|r| r.low <= value && value < r.high);
            let action = hit.map_or(0, |r| u64::from(r.field) + u64::from(r.action[3]));
            outbox.put([pace.tick, value, action, 0, 0, prices.current.len() as u64]);
        }
    }
    println!("sent: {}, buffers: {}", outbox.sent, scratch.buffers.len());
    std::process::exit(0);
}
