// A result that is built anew for every request, from nothing, and thrown away.

use std::time::{Duration, Instant};

#[inline(never)]
fn answer(rows: u32) -> u32 {
    let mut result = Vec::new();
    for i in 0..rows {
        result.push(i);
    }
    result[rows as usize / 2]
}

fn main() {
    let seconds: u64 = std::env::args().nth(1).map_or(5, |s| s.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut sum = 0u64;
    while Instant::now() < end {
        for i in 0..50 {
            sum += u64::from(answer(9000 + i));
        }
    }
    println!("{}", sum != 0);
}
