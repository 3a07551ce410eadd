//! A planted direction is found, and noise is not; what is changed on purpose flips the answer.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of a test fail by panicking, as the test does")]

use isinglass_core::site::resid_post;
use isinglass_core::{Device, Rows};
use isinglass_probe::{
    Baselines, ClassMeans, Covariance, CrossFit, CrossFitted, Features, FitError, Labels, Lda, LinearProbe, Logistic,
    Probe, Ridge,
};
use isinglass_stats::{Folds, Split, cosine_floor, mean_pairwise_cosine};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const PAIRS: usize = 40;
const WIDTH: usize = 64;

fn pairs() -> Labels {
    let n = 2 * PAIRS as u64;
    Labels::paired((0..n).map(|i| i % 2 == 0).collect(), (0..n).map(|i| i / 2).collect()).unwrap()
}

/// Noise, plus `shift` along axis 3 for positive rows, plus a large constant in axis 5 as language models have.
fn rows(shift: f32, seed: u64) -> Rows {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut values: Vec<f32> = (0..2 * PAIRS * WIDTH).map(|_| rng.random_range(-1.0..1.0)).collect();
    for row in 0..2 * PAIRS {
        values[row * WIDTH + 3] += if row % 2 == 0 { shift } else { 0.0 };
        values[row * WIDTH + 5] += 500.0;
    }
    Rows::new(resid_post(4), WIDTH, values).unwrap()
}

fn features(shift: f32, seed: u64) -> Features {
    Features::of_rows(&rows(shift, seed)).unwrap()
}

fn none() -> Baselines<'static> {
    Baselines::left_out("planted rows have no texts")
}

fn crossed(probe: &dyn Probe, features: &[Features], labels: &Labels) -> CrossFitted {
    CrossFit::new(probe).permutations(99).resamples(100).seed(3).run(features, labels, &none()).unwrap()
}

#[test]
fn every_linear_probe_finds_a_planted_direction() {
    let features = Features::collect(resid_post(4), &mut rows(3.0, 1).source(7, &Device::flex())).unwrap();
    let probes: [&dyn LinearProbe; 5] = [
        &ClassMeans::new(),
        &Logistic::l2(1.0),
        &Ridge::new(10.0),
        &ClassMeans::corrected(Covariance::LedoitWolf),
        &Lda::new(Covariance::Shrunk(0.5)),
    ];
    for probe in probes {
        let found = CrossFit::new(probe).permutations(99).resamples(100).run(
            std::slice::from_ref(&features),
            &pairs(),
            &none(),
        );
        let scored = found.unwrap().probes.remove(0);
        assert!(scored.auroc.value() > 0.85, "{}: {}", probe.name(), scored.auroc);
        assert!(scored.accuracy.value() > 0.75, "{}: {}", probe.name(), scored.accuracy);
        assert!((scored.auroc.p().unwrap().value() - 0.01).abs() < 1e-12);
        let null = scored.null.unwrap().mean();
        assert!((null - 0.5).abs() < 0.05, "{}: {null}", probe.name());
        let direction = probe.fit(&features, &pairs()).unwrap().direction(1).unwrap();
        let others = (0..WIDTH).filter(|&j| j != 3).map(|j| direction.vector[j].abs()).fold(0.0, f32::max);
        assert!(direction.vector[3] > 1.2 * others, "{}: {} and {others}", probe.name(), direction.vector[3]);
        assert_eq!(direction.site, resid_post(4).id());
    }
}

#[test]
fn noise_stays_noise_over_many_layers() {
    let layers: Vec<Features> = (0..12).map(|seed| features(0.0, seed)).collect();
    let found = crossed(&Logistic::l2(1.0), &layers, &pairs());
    let best = found.probes.iter().map(|s| s.auroc.p().unwrap().value()).fold(1.0, f64::min);
    assert!(best > 0.05, "{best}");
}

/// P(p <= alpha) <= alpha within Monte-Carlo error, over 2,000 studies of noise with a direction that all rows share.
#[test]
fn p_values_of_a_probe_keep_their_level() {
    const STUDIES: usize = 2000;
    let mut ps: Vec<f64> = (0..STUDIES as u64)
        .map(|study| {
            let mut rng = ChaCha8Rng::seed_from_u64(study);
            // Both rows of a pair share what the pair is about.
            let shared: Vec<f64> = (0..16 * 3).map(|_| rng.random_range(-2.0..2.0)).collect();
            let values = (0..32 * 3).map(|i| shared[i / 6 * 3 + i % 3] + rng.random_range(-1.0..1.0)).collect();
            let features = Features::new("noise", 3, values).unwrap();
            let labels = Labels::paired((0..32).map(|i| i % 2 == 0).collect(), (0..32).map(|i| i / 2).collect());
            let found = CrossFit::new(&ClassMeans::new())
                .folds(4)
                .permutations(99)
                .resamples(40)
                .seed(study)
                .run(&[features], &labels.unwrap(), &none())
                .unwrap();
            found.probes[0].auroc.p().unwrap().value()
        })
        .collect();
    ps.sort_by(f64::total_cmp);
    for alpha in [0.01, 0.05, 0.1, 0.5] {
        let share = ps.partition_point(|p| *p <= alpha) as f64 / STUDIES as f64;
        let error = (alpha * (1.0 - alpha) / STUDIES as f64).sqrt();
        assert!(share <= alpha + 3.0 * error, "p <= {alpha} in {share} of studies");
        assert!(share >= alpha / 2.0, "p <= {alpha} in {share} of studies only: the test would have no power");
    }
}

#[test]
fn shuffled_labels_lose_the_direction_and_flipped_ones_flip_it() {
    let features = features(3.0, 2);
    let flip = |i: u64| i % 2 == 1;
    let flipped = Labels::paired((0..80).map(flip).collect(), (0..80).map(|i| i / 2).collect()).unwrap();
    let fit = |labels: &Labels| Logistic::l2(1.0).fit(&features, labels).unwrap().direction(1).unwrap();
    let (one, other) = (fit(&pairs()), fit(&flipped));
    assert!(one.vector.iter().zip(&other.vector).all(|(a, b)| (a + b).abs() < 1e-4));

    // Labels that alternate from pair to pair have nothing to do with the shift.
    let shuffled = Labels::paired(
        (0..80_u64).map(|i| (i % 2 == 0) ^ (i / 2 % 2 == 0)).collect(),
        (0..80).map(|i| i / 2).collect(),
    );
    let found = crossed(&Logistic::l2(1.0), &[features], &shuffled.unwrap());
    assert!(found.probes[0].auroc.p().unwrap().value() > 0.05, "{}", found.probes[0].auroc);
}

#[test]
fn a_zeroed_direction_and_swapped_layers_change_the_answer() {
    let (planted, noise) = (features(3.0, 2), features(0.0, 7));
    let layers = |order: [&Features; 2]| {
        let found = crossed(&ClassMeans::new(), &order.map(Clone::clone), &pairs());
        found.probes.iter().map(|s| s.auroc.p().unwrap().value() <= 0.05).collect::<Vec<_>>()
    };
    assert_eq!(layers([&planted, &noise]), [true, false]);
    assert_eq!(layers([&noise, &planted]), [false, true]);

    let mut zeroed = rows(3.0, 2);
    let values = (0..zeroed.len()).flat_map(|i| {
        let mut row = zeroed.row(i).to_vec();
        row[3] = 0.0;
        row
    });
    zeroed = Rows::new(resid_post(4), WIDTH, values.collect()).unwrap();
    assert_eq!(layers([&Features::of_rows(&zeroed).unwrap(), &planted]), [false, true]);
}

/// Labels of whole groups are shuffled between groups: rows of a group that resemble each other are no evidence.
#[test]
fn rows_that_resemble_each_other_within_groups_are_no_evidence() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let found: usize = (0..20)
        .filter(|_| {
            let centres: Vec<f64> = (0..10 * 4).map(|_| rng.random_range(-3.0..3.0)).collect();
            let values = (0..100 * 4).map(|i| centres[i / 40 * 4 + i % 4] + rng.random_range(-0.5..0.5)).collect();
            let labels = Labels::of_groups((0..100).map(|i| i / 10 % 2).collect(), (0..100).map(|i| i / 10).collect());
            let found = crossed(&Logistic::l2(1.0), &[Features::new("topics", 4, values).unwrap()], &labels.unwrap());
            found.probes[0].auroc.p().unwrap().value() <= 0.05
        })
        .count();
    assert!(found <= 4, "{found} of 20 null studies");
}

/// Weights of K one-vs-rest probes sum to about zero, so their mean cosine sits at -1/(K-1) whatever the classes mean.
#[test]
fn cosines_of_one_vs_rest_probes_sit_at_their_floor() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let values: Vec<f64> = (0..90 * 512).map(|_| rng.random_range(-1.0..1.0)).collect();
    let labels = Labels::within_groups((0..90).map(|i| i % 3).collect(), (0..90).map(|i| i / 3).collect()).unwrap();
    let cosine = |values: Vec<f64>, probe: &dyn LinearProbe| {
        let weights = probe.fit(&Features::new("rows", 512, values).unwrap(), &labels).unwrap().weights;
        mean_pairwise_cosine(isinglass_stats::Matrix::new(&weights.concat(), 512).unwrap()).unwrap().value()
    };
    let floor = cosine_floor(3).unwrap();
    assert!((floor + 0.5).abs() < 1e-12);
    for probe in [&Logistic::l2(1.0).one_vs_rest() as &dyn LinearProbe, &Logistic::l2(1.0), &Ridge::new(1.0)] {
        let null = cosine(values.clone(), probe);
        assert!((null - floor).abs() < 0.01, "{}: {null}", probe.name());
        // Two classes that lie on one side of the third raise it: structure is above the floor, never below.
        let mut planted = values.clone();
        (0..90).filter(|i| i % 3 == 0).for_each(|i| (0..512).for_each(|j| planted[i * 512 + j] += 0.3));
        assert!(cosine(planted, probe) > null + 0.02);
    }
}

#[test]
fn baselines_show_what_the_texts_give_away() {
    let texts: Vec<String> =
        (0..80).map(|i| format!("{} {i}", if i % 2 == 0 { "lovely day" } else { "awful day" })).collect();
    let found = CrossFit::new(&ClassMeans::new())
        .permutations(99)
        .resamples(100)
        .run(&[features(0.0, 3)], &pairs(), &Baselines::of(&texts))
        .unwrap();
    let names: Vec<&str> = found.baselines.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["words (TF-IDF)", "first three words", "length", "punctuation"]);
    assert!(found.baselines[0].auroc.value() > 0.99 && found.baselines[1].auroc.value() > 0.99);
    // `awful` is a letter shorter than `lovely`; there is no punctuation.
    assert!(found.baselines[2].auroc.value() > 0.9);
    assert!((found.baselines[3].auroc.value() - 0.5).abs() < 1e-12);
    assert!(found.to_string().contains("what the texts alone give away"));
    assert!(
        crossed(&ClassMeans::new(), &[features(0.0, 3)], &pairs()).to_string().contains("no baselines: planted rows")
    );
}

/// With few rows the fit is in the span of the rows; with the same rows twice it is over the columns. The optimum of twice
/// the rows at C is that of the rows at 2 C.
#[test]
fn the_span_of_the_rows_has_the_same_optimum() {
    let once = features(0.4, 9);
    let some: Vec<usize> = (0..40).collect();
    let rows =
        |of: &[usize]| Features::new("rows", WIDTH, of.iter().flat_map(|&i| once.row(i).to_vec()).collect()).unwrap();
    let labels = |n: usize| Labels::of_independent_rows((0..n).map(|i| i % 2).collect()).unwrap();
    let twice: Vec<usize> = some.iter().chain(&some).copied().collect();
    let fit = |of: &[usize], c: f64| Logistic::l2(c).tolerance(1e-12).fit(&rows(of), &labels(of.len())).unwrap();
    let (few, many) = (fit(&some, 2.0), fit(&twice, 1.0));
    let greatest = few.weights[0].iter().fold(0.0_f64, |g, w| g.max(w.abs()));
    assert!(few.weights[0].iter().zip(&many.weights[0]).all(|(a, b)| (a - b).abs() < 1e-8 * greatest));
}

#[test]
fn folds_that_leak_a_group_are_refused() {
    let folds = Folds::from_test(&[(0..41).collect(), (41..80).collect()], 80).unwrap();
    let probe = ClassMeans::new();
    let asked = CrossFit::new(&probe).permutations(9).resamples(40);
    let found = asked.run_on(&folds, &[features(0.0, 1)], &pairs(), &none());
    assert!(matches!(found, Err(FitError::LeakingGroup { group: 20 })));
    let one_out = Split::leave_one_group_out(pairs().groups()).unwrap();
    assert!(asked.run_on(&one_out, &[features(3.0, 1)], &pairs(), &none()).unwrap().probes[0].auroc.value() > 0.9);
}

#[test]
fn bad_rows_are_refused() {
    let probe = ClassMeans::new();
    let asked = CrossFit::new(&probe);
    let short = Features::new("short", 1, vec![1.0, 2.0, 3.0]).unwrap();
    let refused = asked.run(&[short], &pairs(), &none());
    assert!(matches!(refused, Err(FitError::LengthMismatch { rows: 3, labels: 80, .. })));
    let nan = Rows::new(resid_post(0), 1, vec![0.0, f32::NAN]).unwrap();
    assert!(matches!(Features::of_rows(&nan), Err(FitError::NotFinite { row: 1, .. })));
    assert!(matches!(asked.run(&[], &pairs(), &none()), Err(FitError::Stats(_))));
    let texts = Baselines::of(&["one"]);
    assert!(matches!(asked.run(&[features(0.0, 1)], &pairs(), &texts), Err(FitError::LengthMismatch { rows: 1, .. })));
    let impossible = Logistic::l2(-1.0).fit(&features(0.0, 1), &pairs());
    assert!(matches!(impossible, Err(FitError::BadSetting { what: "C", .. })));
}
