// Takes in events of many channels.
//
//   leak   Transcripts::append   what was said in a channel, as one text that is appended to
//                                and only cut when the channel closes; channels never close
//   leak   Replay::record        all events since the start, in one vector, to be replayed in
//                                a test that was once debugged
//   decoy  Recent::push          the last 6000 events: a ring at its limit
//   decoy  Batch::add            events that are sent off together: a saw-tooth
#[allow(dead_code)]
#[path = "pacing.rs"]
mod pacing;

use std::collections::VecDeque;

const CHANNELS: u64 = 70;

struct Transcripts {
    texts: Vec<String>,
}

impl Transcripts {
    fn append(&mut self, channel: usize, words: &str, tick: u64) {
        let text = &mut self.texts[channel];
        text.push_str(&tick.to_string());
        text.push_str(": ");
        text.push_str(words);
        text.push('\n');
    }
}

#[derive(Clone)]
struct Event {
    number: u64,
    channel: u32,
    kind: u32,
    payload: [u8; 80],
}

#[derive(Default)]
struct Replay {
    events: Vec<Event>,
}

impl Replay {
    fn record(&mut self, event: &Event) {
        self.events.push(event.clone());
    }
}

#[derive(Default)]
struct Recent {
    events: VecDeque<Box<Event>>,
}

impl Recent {
    fn push(&mut self, event: &Event) {
        self.events.push_back(Box::new(event.clone()));
        if self.events.len() > 6000 {
            self.events.pop_front();
        }
    }
}

#[derive(Default)]
struct Batch {
    texts: Vec<String>,
    sent: usize,
}

impl Batch {
    fn add(&mut self, event: &Event) {
        self.texts.push(format!(
            "{{\"event\": {}, \"channel\": {}, \"kind\": {}}}",
            event.number, event.channel, event.kind
        ));
        if self.texts.len() >= 8000 {
            self.sent += self.texts.len();
            self.texts = Vec::new();
        }
    }
}

fn main() {
    let options = pacing::options();
    let mut random = pacing::Random(options.seed);
    let mut transcripts = Transcripts { texts: (0..CHANNELS).map(|_| String::new()).collect() };
    let mut replay = Replay::default();
    let mut recent = Recent::default();
    let mut batch = Batch::default();
    let mut number = 0;
    let mut pace = pacing::Pace::start(options.seconds, 100.0);
    while pace.next() {
        for _ in 0..36 {
            number += 1;
            let channel = random.popular(CHANNELS);
            let event = Event {
                number,
                channel: channel as u32,
                kind: random.below(9) as u32,
                payload: [channel as u8; 80],
            };
            transcripts.append(
                channel as usize,
                "good morning, and here is what happened since the last time that we spoke",
                pace.tick,
            );
            if number % 3 == 0 {
                replay.record(&event);
            }
            recent.push(&event);
            batch.add(&event);
        }
    }
    let last = replay.events.last().map_or(0, |e| e.number + u64::from(e.payload[7]));
    println!("last: {}, sent: {}, recent: {}", last, batch.sent, recent.events.len());
    std::process::exit(0);
}
