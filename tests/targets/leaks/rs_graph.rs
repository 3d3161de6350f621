// Answers questions about who knows whom; each question builds a little graph.
//
//   leak   Graph::link          two nodes that hold each other by Rc: dropping the graph drops
//                               neither. Few do: one link in fifty
//   decoy  Answers::remember    answers by question: once each of 1800 questions was asked,
//                               there are no more
//   decoy  People::load         the people, loaded in the first seconds, then constant
#[allow(dead_code)]
#[path = "pacing.rs"]
mod pacing;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

struct Node {
    person: u64,
    weights: [f32; 160],
    friend: RefCell<Option<Rc<Node>>>,
}

struct Graph {
    roots: Vec<Rc<Node>>,
}

impl Graph {
    fn link(&mut self, a: u64, b: u64, mutual: bool) {
        let first =
            Rc::new(Node { person: a, weights: [0.5; 160], friend: RefCell::new(None) });
        let second = Rc::new(Node {
            person: b,
            weights: [0.25; 160],
            friend: RefCell::new(Some(Rc::clone(&first))),
        });
        if mutual {
            *first.friend.borrow_mut() = Some(Rc::clone(&second));
        }
        self.roots.push(second);
    }

    fn weight(&self) -> f32 {
        let mut sum = 0.0;
        for node in &self.roots {
            let friend = node.friend.borrow();
            let other = friend.as_ref().map_or(0.0, |f| f.weights[(f.person % 160) as usize]);
            sum += node.weights[(node.person % 160) as usize] + other;
        }
        sum
    }
}

#[derive(Default)]
struct Answers {
    known: HashMap<u64, Vec<f32>>,
}

impl Answers {
    fn remember(&mut self, question: u64, weight: f32) -> f32 {
        let answer = self.known.entry(question).or_insert_with(|| vec![weight; 600]);
        answer[(question % 600) as usize]
    }
}

#[derive(Default)]
struct People {
    names: BTreeMap<u64, String>,
}

impl People {
    fn load(&mut self, until: u64) {
        while (self.names.len() as u64) < until.min(40000) {
            let number = self.names.len() as u64;
            let name = format!("person {} who lives at {} Long Street in Example", number, number % 800);
            self.names.insert(number, name);
        }
    }
}

fn main() {
    let options = pacing::options();
    let mut random = pacing::Random(options.seed);
    let mut answers = Answers::default();
    let mut people = People::default();
    let mut sum = 0.0;
    let mut pace = pacing::Pace::start(options.seconds, 100.0);
    while pace.next() {
        people.load((pace.progress() / 0.2 * 40000.0) as u64);
        for _ in 0..8 {
            let mut graph = Graph { roots: Vec::new() };
            for _ in 0..4 {
                let mutual = random.below(50) == 0;
                graph.link(random.below(40000), random.below(40000), mutual);
            }
            let weight = graph.weight();
            sum += answers.remember(random.below(1800), weight);
            sum += answers.remember(random.below(1800), weight);
            sum += answers.remember(random.below(1800), weight);
        }
    }
    println!("sum: {:.0}, people: {}", sum, people.names.len());
    std::process::exit(0);
}
