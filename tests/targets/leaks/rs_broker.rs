// A broker of messages by topic.
//
//   leak   Topic::publish      subscribers take two of three messages in time; the topic's
//                              queue has no limit, and grows
//   leak   Ledger::acknowledge an acknowledgement per message, kept to find doubles, forever
//   decoy  Retained::set       the last message of each of 3000 paths: each is replaced
//   decoy  Clients::connect    clients come and go; more of them by day
#[allow(dead_code)]
#[path = "pacing.rs"]
mod pacing;

use std::collections::{BTreeMap, HashMap, VecDeque};

struct Message {
    number: u64,
    body: [u8; 184],
}

#[derive(Default)]
struct Topic {
    queue: VecDeque<Message>,
}

impl Topic {
    fn publish(&mut self, number: u64) {
        self.queue.push_back(Message { number, body: [number as u8; 184] });
    }

    fn take(&mut self) -> Option<Message> {
        self.queue.pop_front()
    }
}

#[derive(Default)]
struct Ledger {
    acknowledged: BTreeMap<u64, [u64; 4]>,
}

impl Ledger {
    fn acknowledge(&mut self, number: u64, tick: u64) {
        self.acknowledged.insert(number, [tick, 1, 0, 0]);
    }
}

#[derive(Default)]
struct Retained {
    by_path: HashMap<u64, String>,
}

impl Retained {
    fn set(&mut self, path: u64, number: u64) {
        let text = format!("the last message on path {} has the number {} and this text", path, number);
        self.by_path.insert(path, text);
    }
}

#[derive(Default)]
struct Clients {
    buffers: VecDeque<Vec<u8>>,
}

impl Clients {
    fn connect(&mut self) {
        self.buffers.push_back(vec![0; 700]);
    }

    fn disconnect_down_to(&mut self, count: usize) {
        while self.buffers.len() > count {
            self.buffers.pop_front();
        }
    }
}

fn main() {
    let options = pacing::options();
    let mut random = pacing::Random(options.seed);
    let mut topics: Vec<Topic> = (0..24).map(|_| Topic::default()).collect();
    let mut ledger = Ledger::default();
    let mut retained = Retained::default();
    let mut clients = Clients::default();
    let mut number = 0;
    let mut sum = 0u64;
    let mut pace = pacing::Pace::start(options.seconds, 100.0);
    while pace.next() {
        for _ in 0..60 {
            number += 1;
            topics[random.popular(24) as usize].publish(number);
            retained.set(random.below(3000), number);
        }
        for _ in 0..40 {
            if let Some(message) = topics[random.popular(24) as usize].take() {
                sum += message.number + u64::from(message.body[3]);
                ledger.acknowledge(message.number, pace.tick);
            }
        }
        for _ in 0..15 {
            clients.connect();
        }
        let day = (pace.tick as f64 / 230.0 * 6.2832).sin();
        clients.disconnect_down_to((900.0 + 600.0 * day) as usize);
    }
    // Everything is dropped at the end, as main is left.
    println!("sum: {}, ledger: {}, paths: {}", sum, ledger.acknowledged.len(), retained.by_path.len());
}
