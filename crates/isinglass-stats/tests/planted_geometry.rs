//! Directions and dimensions with a known answer, and figures that look like findings on pure noise.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use isinglass_stats::{
    Bootstrap, EffectiveRank, Matrix, NoStructure, Pca, Scheme, cosine_floor, effective_rank, mean,
    mean_pairwise_cosine, parallel_analysis, permuted_classes, rank_curve,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, Normal};

/// A standard normal draw.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    // Away from 0 and 1, whose quantiles are infinite.
    Normal::standard().inverse_cdf(rng.random_range(1e-12..1.0 - 1e-12))
}

fn noise(n: usize, width: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    (0..n * width).map(|_| normal(rng)).collect()
}

fn sd(values: &[f64]) -> f64 {
    let centre = mean(values).unwrap();
    (values.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

fn mean_row(rows: &[&[f64]]) -> Vec<f64> {
    (0..rows[0].len()).map(|j| rows.iter().map(|row| row[j]).sum::<f64>() / rows.len() as f64).collect()
}

/// The difference of class means along the difference of the class means of `fitted`, in units of the overall and of
/// the pooled standard deviation within classes, over the rows of `projected`.
fn d_prime(fitted: [&[&[f64]]; 2], projected: [&[&[f64]]; 2]) -> (f64, f64) {
    let [a, b] = fitted.map(mean_row);
    let direction: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
    let along = |row: &&[f64]| row.iter().zip(&direction).map(|(x, w)| x * w).sum::<f64>();
    let [a, b] = projected.map(|rows| rows.iter().map(along).collect::<Vec<f64>>());
    let apart = mean(&a).unwrap() - mean(&b).unwrap();
    (apart / sd(&[a.clone(), b.clone()].concat()), apart / f64::midpoint(sd(&a).powi(2), sd(&b).powi(2)).sqrt())
}

/// In high dimensions any two groups of rows lie apart along the difference of their own means, by `√(2 width / n)`
/// standard deviations within classes; new rows do not.
#[test]
fn an_in_sample_d_prime_is_large_on_noise_and_a_held_out_one_is_not() {
    let width = 2000;
    for (n, overall_expected, within_expected) in [(90, 1.916, 6.67), (30, 1.970, 11.55)] {
        assert!((within_expected - f64::sqrt(2.0 * width as f64 / n as f64)).abs() < 0.01);
        let (mut overall, mut within, mut held_out) = (Vec::new(), Vec::new(), Vec::new());
        for seed in 0..12 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let classes = [noise(n, width, &mut rng), noise(n, width, &mut rng)];
            let [a, b] = classes.each_ref().map(|rows| rows.chunks(width).collect::<Vec<&[f64]>>());
            let in_sample = d_prime([&a, &b], [&a, &b]);
            overall.push(in_sample.0);
            within.push(in_sample.1);
            let ((a1, a2), (b1, b2)) = (a.split_at(n / 2), b.split_at(n / 2));
            held_out.extend([d_prime([a1, b1], [a2, b2]).1, d_prime([a2, b2], [a1, b1]).1]);
        }
        let [overall, within, held_out] = [overall, within, held_out].map(|values| mean(&values).unwrap());
        assert!((overall - overall_expected).abs() < 0.02, "{n}: {overall}");
        assert!((within / within_expected - 1.0).abs() < 0.05, "{n}: {within}");
        // A half's d' has a standard deviation of √(4 / n); each study gives two that depend on each other.
        assert!(held_out.abs() < 4.0 * f64::sqrt(4.0 / n as f64 / 12.0), "{n}: {held_out}");
    }
}

/// Weights of ridge classifiers, one class against the rest each, one row each: `W = Y (K + λ)⁻¹ X`, `K = X Xᵀ`,
/// centred.
fn one_vs_rest(rows: &[f64], width: usize, labels: &[usize], n_classes: usize) -> Vec<f64> {
    let n = labels.len();
    let means = mean_row(&rows.chunks(width).collect::<Vec<_>>());
    let x = Mat::from_fn(n, width, |i, j| rows[i * width + j] - means[j]);
    let share = 1.0 / n_classes as f64;
    let y = Mat::from_fn(n, n_classes, |i, class| f64::from(u8::from(labels[i] == class)) - share);
    let kernel = &x * x.transpose() + Mat::<f64>::identity(n, n);
    let weights = x.transpose() * kernel.llt(Side::Lower).unwrap().solve(&y);
    (0..n_classes).flat_map(|class| weights.col(class).iter().copied().collect::<Vec<f64>>()).collect()
}

#[test]
fn one_vs_rest_weights_lie_at_the_floor_on_random_labels_and_above_with_structure() {
    let (n, width) = (60, 512);
    for n_classes in [3, 4, 5] {
        let floor = cosine_floor(n_classes).unwrap();
        let labels: Vec<usize> = (0..n).map(|row| row % n_classes).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(n_classes as u64);
        let cosine = |rows: &[f64], labels: &[usize]| {
            let weights = one_vs_rest(rows, width, labels, n_classes);
            // The targets sum to a constant, so the weights to zero.
            let most = (0..width).map(|j| weights.iter().skip(j).step_by(width).sum::<f64>().abs()).fold(0.0, f64::max);
            assert!(most < 1e-10, "{most}");
            mean_pairwise_cosine(Matrix::new(&weights, width).unwrap()).unwrap().value()
        };
        let rows = noise(n, width, &mut rng);
        let null: Vec<f64> = permuted_classes(&labels, Scheme::Free, 1)
            .unwrap()
            .take(40)
            .map(|shuffled| cosine(&rows, &shuffled))
            .collect();
        assert!(null.iter().all(|value| (floor..floor + 0.015).contains(value)), "{n_classes}: {null:?}");
        assert!(sd(&null) < 0.004, "{}", sd(&null));

        // The first class lies apart from the others, which nothing tells apart: its weights are longer.
        let planted: Vec<f64> = rows
            .chunks(width)
            .zip(&labels)
            .flat_map(|(row, &label)| {
                row.iter().enumerate().map(move |(j, x)| x + if label == 0 && j < 16 { 4.0 } else { 0.0 })
            })
            .collect();
        let above = (cosine(&planted, &labels) - mean(&null).unwrap()) / sd(&null);
        assert!(above > 5.0, "{n_classes}: {above} standard deviations");
    }
}

/// Rows of `rank` directions at random, each of standard deviation `strength`, and noise of 1 in every column.
fn planted_rank(n: usize, width: usize, rank: usize, strength: f64, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // Scaled to length 1 on average; in many dimensions they are nearly at right angles.
    let directions: Vec<f64> =
        noise(rank, width, &mut rng).iter().map(|x| x * strength / (width as f64).sqrt()).collect();
    let scores = noise(n, rank, &mut rng);
    let mut rows = noise(n, width, &mut rng);
    for (row, scores) in rows.chunks_mut(width).zip(scores.chunks(rank)) {
        for (direction, score) in directions.chunks(width).zip(scores) {
            row.iter_mut().zip(direction).for_each(|(x, w)| *x += score * w);
        }
    }
    rows
}

#[test]
fn parallel_analysis_finds_the_planted_rank() {
    for (n, width, rank, strength) in [(200, 40, 3, 4.0), (150, 60, 5, 5.0), (60, 120, 2, 6.0)] {
        for seed in 0..8 {
            let rows = planted_rank(n, width, rank, strength, seed);
            let rows = Matrix::new(&rows, width).unwrap();
            for null in [NoStructure::PermutedColumns, NoStructure::NormalColumns] {
                let found = parallel_analysis(rows, null, 60, seed).unwrap();
                assert_eq!(found.n_components.value() as usize, rank, "{n} x {width}, seed {seed}, {null:?}");
            }
            // What a share of the variance says is no rank: noise fills it up.
            assert!(Pca::fit(rows).unwrap().n_components_for(0.9).unwrap() > 4 * rank);
        }
    }
}

#[test]
fn noise_alone_beats_parallel_analysis_as_often_as_it_says() {
    let n_studies = 300;
    let mut found = 0;
    for seed in 0..n_studies {
        let rows = noise(40, 10, &mut ChaCha8Rng::seed_from_u64(seed));
        let rows = Matrix::new(&rows, 10).unwrap();
        found += usize::from(parallel_analysis(rows, NoStructure::PermutedColumns, 99, seed).unwrap().p[0] <= 0.05);
    }
    // 15 expected, standard deviation 3.8.
    assert!((2..=30).contains(&found), "{found} of {n_studies}");
}

#[test]
fn a_rank_grows_with_the_rows_and_the_bootstrap_lies_below_it() {
    let rows = planted_rank(120, 80, 2, 3.0, 5);
    let rows = Matrix::new(&rows, 80).unwrap();
    let groups: Vec<u64> = (0..120).collect();
    let measure = EffectiveRank::Participation;
    let curve = rank_curve(rows, &groups, measure, &[20, 40, 80, 120], 40, 1).unwrap();
    assert!(curve.windows(2).all(|pair| pair[0].rank.value() < pair[1].rank.value()), "{curve:?}");
    let whole = &effective_rank(rows, &groups, &[measure], Bootstrap::resamples(200).seed(1)).unwrap()[0];
    assert!((whole.value() - curve[3].rank.value()).abs() < 1e-9);
    // The warning in its documentation: duplicates lower the rank of a resample.
    let interval = whole.interval().unwrap();
    assert!(f64::midpoint(interval.low(), interval.high()) < whole.value(), "{whole}");
    // Two directions without noise are two, to the last resample.
    let exact = planted_rank(50, 30, 2, 1e9, 6);
    let [share, numerical] = &effective_rank(
        Matrix::new(&exact, 30).unwrap(),
        &groups[..50],
        &[EffectiveRank::Share(0.999), EffectiveRank::Numerical(1e-6)],
        Bootstrap::resamples(100),
    )
    .unwrap()[..] else {
        panic!("two estimates")
    };
    assert_eq!((share.value(), share.interval(), numerical.value()), (2.0, None, 2.0));
}
