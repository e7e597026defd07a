//! How often reading and mapping ask for memory, counted: unlike time, the count is the same on every machine, and it
//! grows as soon as something is copied per attribute that could be borrowed.

#![allow(unsafe_code, reason = "an allocator that counts is unsafe by its trait")]
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use tracewatt::bench::write_synthetic;
use tracewatt::ingest::{self, ReadLimits, Thread};
use tracewatt_core::loss::Losses;
use tracewatt_core::semconv::{AttrSet, CoverageTable, MapOptions, Mapper, RawSpan};
use tracewatt_core::trace::{IdTable, Texts};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations while so many spans are read and mapped, and how many there were.
fn cost(spans: u64) -> (u64, u64) {
    let mut input = Vec::new();
    write_synthetic(spans, &mut input).unwrap();
    let mut mapper = Mapper::new(MapOptions::default(), Texts::default());
    let (mut coverage, mut losses, mut mapped) = (CoverageTable::default(), Losses::default(), 0);
    let mut sink = |span: &RawSpan<'_>, resource: &AttrSet<'_>, scope: &str| {
        mapper.map(span, resource, scope, &mut coverage, &mut losses);
        mapped += 1;
    };
    let mut threads = [Thread { ids: IdTable::default(), losses: Losses::default(), sink: &mut sink }];
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    ingest::read("made", &input[..], &ReadLimits::default(), &[], &mut threads).unwrap();
    (ALLOCATIONS.load(Ordering::Relaxed) - before, mapped)
}

/// A span of the synthetic traces has six to nine attributes.
#[test]
fn a_span_is_read_and_mapped_without_an_allocation_per_attribute() {
    let ((few, first), (many, last)) = (cost(5_000), cost(25_000));
    // What is there once, such as buffers and names, is in both.
    let per_span = (many - few) as f64 / (last - first) as f64;
    assert!(per_span < 1.0, "{per_span:.2} allocations per span");
}
