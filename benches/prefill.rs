//! Passes over prompts of several lengths, with the logits of all positions or of the last.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "shared/bench.rs"]
mod bench;

use criterion::{BenchmarkId, Throughput};
use isinglass::prelude::*;

fn main() {
    let mut criterion = bench::criterion();
    let model = bench::model();
    let mut group = criterion.benchmark_group("prefill");
    for n in [1, 16, 128, 512] {
        let tokens = TokenBatch::one(bench::text(n)).unwrap();
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(BenchmarkId::new("all_logits", n), |bencher| {
            bencher.iter(|| model.run(&tokens, ()).unwrap());
        });
        group.bench_function(BenchmarkId::new("last_logits", n), |bencher| {
            bencher.iter(|| model.run_last(&tokens, ()).unwrap());
        });
    }
    group.finish();
    criterion.final_summary();
}
