//! Keeping activations: rows of texts of many lengths, and caches of one text.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "shared/bench.rs"]
mod bench;

use criterion::Throughput;
use isinglass::prelude::*;

fn main() {
    let mut criterion = bench::criterion();
    let model = bench::model();

    let texts: Vec<Vec<u32>> = (0..48).map(|i| bench::text(4 + i * 37 % 61)).collect();
    let n: usize = texts.iter().map(Vec::len).sum();
    let streams = model.sites().clone().of(Kind::ResidPost);
    let mut group = criterion.benchmark_group("capture/rows");
    group.throughput(Throughput::Elements(n as u64));
    for pos in [Pos::Last, Pos::Mean] {
        let capture = Capture::new(streams.clone(), pos);
        group.bench_function(pos.to_string(), |bencher| {
            bencher.iter(|| capture.rows(&model, &texts, |_| {}).unwrap());
        });
    }
    group.finish();

    let tokens = TokenBatch::one(bench::text(128)).unwrap();
    let mut group = criterion.benchmark_group("capture/cache");
    group.throughput(Throughput::Elements(128));
    for (what, sites) in
        [("one_layer", resid_post(3).into()), ("each_layer", streams), ("every_site", model.sites().clone())]
    {
        group.bench_function(what, |bencher| bencher.iter(|| model.cache(&tokens, sites.clone()).unwrap()));
    }
    group.finish();
    criterion.final_summary();
}
