//! Generating text with a cache of keys and values, after prompts of several lengths and in a batch.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "shared/bench.rs"]
mod bench;

use criterion::Throughput;
use isinglass::prelude::*;

const NEW: usize = 32;

fn main() {
    let mut criterion = bench::criterion();
    let model = bench::model();
    let sampler = Sampler::greedy(NEW).ignore_end();
    let mut group = criterion.benchmark_group("decode");
    for (rows, n) in [(1, 8), (1, 512), (4, 8)] {
        let prompts = TokenBatch::new(vec![bench::text(n); rows]).unwrap();
        group.throughput(Throughput::Elements((rows * NEW) as u64));
        group.bench_function(format!("{rows}_after_{n}"), |bencher| {
            bencher.iter(|| model.generate(&prompts, &sampler, ()).unwrap());
        });
    }
    group.finish();
    criterion.final_summary();
}
