// An allocator inside the executable that is not called malloc, as the jemalloc crates
// bring one (theirs is C; only the name matters here).
use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Pool;
static mut MEMORY: [u8; 64 << 20] = [0; 64 << 20];
static USED: AtomicUsize = AtomicUsize::new(0);

#[no_mangle]
#[inline(never)]
pub extern "C" fn _rjem_malloc(size: usize) -> *mut u8 {
    let at = USED.fetch_add((size + 63) & !63, Ordering::Relaxed);
    unsafe { core::ptr::addr_of_mut!(MEMORY).cast::<u8>().add(at + 64) }
}

unsafe impl GlobalAlloc for Pool {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        _rjem_malloc(layout.size())
    }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static POOL: Pool = Pool;

fn main() {
    let kept: Vec<Vec<u8>> = (0..8).map(|_| vec![1u8; 1 << 20]).collect();
    println!("own: fine {}", kept.len());
}
