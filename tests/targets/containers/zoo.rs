// One function for each container of Rust's library, which fills one and keeps it.

use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

const MANY: u64 = 2000;

#[derive(Clone)]
struct Animal {
    legs: [u64; 6],
}

static mut KEPT: *const u8 = std::ptr::null();

/// Never drops it, nor is anything of it optimized away: it may be reached from `KEPT`.
#[inline(never)]
fn keep<T>(all: T) {
    let all = Box::into_raw(Box::new(all)) as *const u8;
    unsafe { std::ptr::addr_of_mut!(KEPT).write_volatile(all) };
}

#[inline(never)]
fn vec() {
    let mut all = Vec::new();
    for i in 0..MANY {
        all.push(Animal { legs: [i; 6] });
    }
    keep(all);
}

#[inline(never)]
fn string() {
    let mut text = String::new();
    for _ in 0..MANY {
        text.push_str("a roar");
    }
    keep(text);
}

#[inline(never)]
fn hash_map() {
    let mut all = HashMap::new();
    for i in 0..MANY {
        all.insert(i, Animal { legs: [i; 6] });
    }
    keep(all);
}

#[inline(never)]
fn hash_set() {
    let mut all = HashSet::new();
    for i in 0..MANY {
        all.insert(i);
    }
    keep(all);
}

#[inline(never)]
fn btree_map() {
    let mut all = BTreeMap::new();
    for i in 0..MANY {
        all.insert(i, Animal { legs: [i; 6] });
    }
    keep(all);
}

#[inline(never)]
fn vec_deque() {
    let mut all = VecDeque::new();
    for i in 0..MANY {
        all.push_back(Animal { legs: [i; 6] });
    }
    keep(all);
}

#[inline(never)]
fn linked_list() {
    let mut all = LinkedList::new();
    for i in 0..MANY {
        all.push_back(i);
    }
    keep(all);
}

#[inline(never)]
fn binary_heap() {
    let mut all = BinaryHeap::new();
    for i in 0..MANY {
        all.push(i);
    }
    keep(all);
}

#[inline(never)]
fn shared() {
    for i in 0..MANY {
        keep(Rc::new([i; 9]));
    }
}

#[inline(never)]
fn atomic() {
    for i in 0..MANY {
        keep(Arc::new(Animal { legs: [i; 6] }));
    }
}

fn main() {
    vec();
    string();
    hash_map();
    hash_set();
    btree_map();
    vec_deque();
    linked_list();
    binary_heap();
    shared();
    atomic();
    println!("all are fed");
}
