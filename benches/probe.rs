//! Probes and statistics on seeded rows: fits, nulls, intervals, geometry.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "shared/bench.rs"]
mod bench;

use criterion::Throughput;
use isinglass::prelude::*;
use isinglass::probe::{Covariance, Lda, out_of_fold};
use isinglass::stats::{KMeans, Matrix, NoStructure, Pca, auroc_grouped, linear_cka, parallel_analysis};

const WIDTH: usize = 192;

/// Rows of two classes in pairs, told apart along all columns a little.
fn rows(n: usize) -> (Features, Labels) {
    let values = bench::values(n * WIDTH).into_iter().map(f64::from);
    let values =
        values.enumerate().map(|(i, v)| v + if (i / WIDTH).is_multiple_of(2) { 0.05 } else { -0.05 }).collect();
    let labels = Labels::paired((0..n).map(|i| i % 2 == 0).collect(), (0..n as u64).map(|i| i / 2).collect()).unwrap();
    (Features::new("rows", WIDTH, values).unwrap(), labels)
}

fn main() {
    let mut criterion = bench::criterion();

    for n in [120, 600] {
        let (features, labels) = rows(n);
        let folds = Split::grouped(labels.groups()).split().unwrap();
        let mut group = criterion.benchmark_group(format!("probe/five_folds_{n}x{WIDTH}"));
        group.throughput(Throughput::Elements(5));
        let probes: [&dyn Probe; 4] =
            [&Logistic::l2(1.0), &Ridge::new(1.0), &ClassMeans::new(), &Lda::new(Covariance::Shrunk(0.5))];
        for probe in probes {
            group.bench_function(probe.name(), |b| {
                b.iter(|| out_of_fold(probe, &features, &labels, &folds).unwrap());
            });
        }
        group.finish();
    }

    let (features, labels) = rows(120);
    let none = Baselines::left_out("seeded rows have no texts");
    let mut group = criterion.benchmark_group("probe/null");
    group.throughput(Throughput::Elements(101 * 5));
    group.bench_function("logistic, 100 shuffles", |b| {
        let probe = Logistic::l2(1.0);
        let asked = CrossFit::new(&probe).permutations(100).resamples(40);
        b.iter(|| asked.run(std::slice::from_ref(&features), &labels, &none).unwrap());
    });
    group.finish();

    let mut group = criterion.benchmark_group("stats");
    let scores: Vec<f64> = bench::values(1000).into_iter().map(f64::from).collect();
    let classes: Vec<bool> = (0..1000).map(|i| i % 2 == 0).collect();
    let groups: Vec<u64> = (0..1000).map(|i| i / 4).collect();
    group.bench_function("auroc, 2000 resamples of 250 groups", |b| {
        b.iter(|| auroc_grouped(&scores, &classes, &groups, Bootstrap::resamples(2000)).unwrap());
    });
    let values: Vec<f64> = bench::values(120 * WIDTH).into_iter().map(f64::from).collect();
    let matrix = Matrix::new(&values, WIDTH).unwrap();
    group.bench_function("principal components", |b| b.iter(|| Pca::fit(matrix).unwrap()));
    group.bench_function("parallel analysis, 20 draws", |b| {
        b.iter(|| parallel_analysis(matrix, NoStructure::PermutedColumns, 20, 1).unwrap());
    });
    group.bench_function("linear CKA", |b| b.iter(|| linear_cka(matrix, matrix).unwrap()));
    group.bench_function("k-means, 4 clusters", |b| b.iter(|| KMeans::clusters(4).seed(1).fit(matrix).unwrap()));
    group.finish();
    criterion.final_summary();
}
