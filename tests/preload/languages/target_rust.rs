// Rust's standard containers, and what they keep: 8 MiB in a Vec of Vecs, 6 MiB of texts, a
// HashMap, a block that another thread allocated, and one that crossed a panic.
use std::collections::HashMap;

#[inline(never)]
fn leak_vectors(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|i| vec![i as u8; 1 << 20]).collect()
}

#[inline(never)]
fn leak_texts(count: usize) -> Vec<String> {
    (0..count).map(|_| "x".repeat(1 << 20)).collect()
}

#[inline(never)]
fn leak_map(entries: u64) -> HashMap<u64, [u64; 7]> {
    let mut map = HashMap::new();
    for i in 0..entries {
        map.insert(i, [i; 7]);
    }
    map
}

#[inline(never)]
fn catch(depth: u32) -> usize {
    std::panic::catch_unwind(|| {
        let text = vec![1u8; 100000 + depth as usize];
        if text.len() > 100000 {
            std::panic::resume_unwind(Box::new(text));
        }
        0usize
    })
    .unwrap_or_else(|payload| payload.downcast_ref::<Vec<u8>>().map_or(0, |v| v.len()))
}

fn main() {
    let vectors = leak_vectors(8);
    let texts = leak_texts(6);
    let map = leak_map(100000);
    let from_thread = std::thread::spawn(|| leak_vectors(3)).join().unwrap();
    let mut caught = 0;
    for i in 1..200 {
        caught += catch(i);
        drop(leak_vectors(1));
    }
    println!("rust: fine {} {} {} {} {}", vectors.len(), texts.len(), map.len(), from_thread.len(), caught);
    std::mem::forget((vectors, texts, map, from_thread));
}
