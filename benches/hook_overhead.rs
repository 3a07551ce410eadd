//! What watching costs: the same pass with no hook, one that observes one site, and one that observes all.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "shared/bench.rs"]
mod bench;

use isinglass::prelude::*;

/// Looks at all of its sites and does nothing.
struct All(SiteSet);

impl Hook for All {
    fn sites(&self) -> SiteSet {
        self.0.clone()
    }
}

fn main() {
    let mut criterion = bench::criterion();
    let model = bench::model();
    for n in [16, 128] {
        let tokens = TokenBatch::one(bench::text(n)).unwrap();
        let mut group = criterion.benchmark_group(format!("hook_overhead/{n}"));
        group.bench_function("none", |bencher| bencher.iter(|| model.run_last(&tokens, ()).unwrap()));
        group.bench_function("one_site", |bencher| {
            bencher.iter(|| model.run_last(&tokens, observe(resid_post(1), |_, _| {})).unwrap());
        });
        let streams: SiteSet = model.sites().clone().of(Kind::ResidPost);
        group.bench_function("each_layer", |bencher| {
            bencher.iter(|| model.run_last(&tokens, All(streams.clone())).unwrap());
        });
        group.bench_function("every_site", |bencher| {
            bencher.iter(|| model.run_last(&tokens, All(model.sites().clone())).unwrap());
        });
        group.finish();
    }
    criterion.final_summary();
}
