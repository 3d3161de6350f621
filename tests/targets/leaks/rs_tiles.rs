// Serves tiles of a map. Nothing leaks here.
//
//   decoy  TileCache::put       tiles, a cache at its limit from the second second on
//   decoy  Styles::compile      styles by their name: 500 of them, each compiled once
//   decoy  Visits::count        a table that doubles once, in the middle
//   decoy  Trace::add           a text that is written out and begun anew: a saw-tooth
#[allow(dead_code)]
#[path = "pacing.rs"]
mod pacing;

use std::collections::{BTreeMap, HashMap, VecDeque};

#[derive(Default)]
struct TileCache {
    tiles: HashMap<u64, Box<[u8]>>,
    order: VecDeque<u64>,
}

impl TileCache {
    fn put(&mut self, id: u64, size: usize) {
        if self.order.len() == 1200 {
            if let Some(oldest) = self.order.pop_front() {
                self.tiles.remove(&oldest);
            }
        }
        self.order.push_back(id);
        self.tiles.insert(id, vec![id as u8; size].into_boxed_slice());
    }
}

#[derive(Default)]
struct Styles {
    compiled: BTreeMap<String, Vec<u64>>,
}

impl Styles {
    fn compile(&mut self, number: u64) -> u64 {
        let name = format!("style/of/the/map/number/{}", number);
        self.compiled.entry(name).or_insert_with(|| (0..200).map(|i| i * number).collect())[9]
    }
}

struct Visits {
    counts: Vec<[u64; 3]>,
    used: usize,
}

impl Visits {
    fn count(&mut self, tile: u64) {
        if self.used * 4 > self.counts.len() * 3 {
            let mut bigger = vec![[0; 3]; self.counts.len() * 2];
            for slot in self.counts.iter().filter(|slot| slot[1] > 0) {
                let at = Visits::find(&bigger, slot[0]);
                bigger[at] = *slot;
            }
            self.counts = bigger;
        }
        let at = Visits::find(&self.counts, tile);
        if self.counts[at][1] == 0 {
            self.used += 1;
        }
        self.counts[at] = [tile, self.counts[at][1] + 1, 0];
    }

    fn find(counts: &[[u64; 3]], tile: u64) -> usize {
        let mut at = (tile.wrapping_mul(0x9e3779b97f4a7c15) % counts.len() as u64) as usize;
        while counts[at][1] > 0 && counts[at][0] != tile {
            at = (at + 1) % counts.len();
        }
        at
    }
}

#[derive(Default)]
struct Trace {
    text: String,
    written: usize,
}

impl Trace {
    fn add(&mut self, tile: u64, tick: u64) {
        self.text += &format!("{}: tile {} was asked for by a client of the map\n", tick, tile);
        if self.text.len() > 600000 {
            self.written += self.text.len();
            self.text = String::new();
        }
    }
}

fn main() {
    let options = pacing::options();
    let mut random = pacing::Random(options.seed);
    let mut cache = TileCache::default();
    let mut styles = Styles::default();
    let mut visits = Visits { counts: vec![[0; 3]; 22000], used: 0 };
    let mut trace = Trace::default();
    let mut newest = 1;
    let mut sum = 0u64;
    let mut pace = pacing::Pace::start(options.seconds, 100.0);
    while pace.next() {
        for _ in 0..64 {
            // New tiles are met at a rate that fills three quarters of the table in 5 s.
            newest += if random.below(100) < 70 { 1 } else { 0 };
            let tile = newest - random.below(newest.min(20));
            visits.count(tile);
            if !cache.tiles.contains_key(&tile) {
                cache.put(tile, 1000 + random.below(2000) as usize);
            }
            trace.add(tile, pace.tick);
        }
        for _ in 0..12 {
            sum += styles.compile(random.below(500));
        }
    }
    println!("sum: {}, written: {}, visits: {}", sum, trace.written, visits.used);
    std::process::exit(0);
}
