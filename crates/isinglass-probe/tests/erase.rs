//! Planted concepts: one is taken, the other stays.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use isinglass_probe::{
    Baselines, Chosen, ClassMeans, CrossFit, Erased, Eraser, Erasure, Features, FitError, Inlp, Labels, Leace,
    LinearProbe, Logistic, Ridge,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const WIDTH: usize = 6;

/// Rows whose tone shows along `(1, 1, 0, ...)` and whose class along the fifth axis, each with noise that is not round.
struct Planted {
    features: Features,
    tone: Labels,
    class: Labels,
}

fn planted(n: usize, tones: usize, seed: u64) -> Planted {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let tone: Vec<usize> = (0..n).map(|i| i % tones).collect();
    let class: Vec<usize> = (0..n).map(|_| usize::from(rng.random::<bool>())).collect();
    let mut values = Vec::new();
    for i in 0..n {
        let noise: Vec<f64> = (0..WIDTH).map(|_| (0..6).map(|_| rng.random::<f64>() - 0.5).sum()).collect();
        for j in 0..WIDTH {
            let stretched = noise[j] * (1.0 + j as f64 / 2.0) + noise[(j + 1) % WIDTH] * 0.6;
            let towards = |by: usize| if by == j { 1.0 } else { 0.0 };
            let of_tone = match tones {
                2 => tone[i] as f64 * (towards(0) + towards(1)),
                _ => 2.0 * towards(tone[i]),
            };
            values.push(stretched + 1.5 * of_tone + 6.0 * class[i] as f64 * towards(4));
        }
    }
    Planted {
        features: Features::new("planted", WIDTH, values).unwrap(),
        tone: Labels::of_independent_rows(tone).unwrap().named((0..tones).map(|t| format!("tone {t}"))).unwrap(),
        class: Labels::of_independent_rows(class).unwrap(),
    }
}

/// Share of rows that a logistic probe tells right in the rows it was fitted to.
fn right_in_sample(features: &Features, labels: &Labels, c: f64) -> f64 {
    let scores = Logistic::l2(c).fit(features, labels).unwrap().scores(features).unwrap();
    let k = scores.len() / features.len();
    let predicted = scores.chunks(k).map(|of| match of {
        [score] => usize::from(*score > 0.0),
        _ => (1..k).fold(0, |best, class| if of[class] > of[best] + 1e-9 { class } else { best }),
    });
    predicted.zip(labels.classes()).filter(|(p, class)| p == *class).count() as f64 / features.len() as f64
}

fn greatest_share(labels: &Labels) -> f64 {
    let count = |class| labels.classes().iter().filter(|&&c| c == class).count();
    (0..labels.n_classes()).map(count).max().unwrap() as f64 / labels.len() as f64
}

fn moved(from: &Features, to: &Features) -> f64 {
    (0..from.len()).flat_map(|i| from.row(i).iter().zip(to.row(i)).map(|(a, b)| (a - b).powi(2))).sum()
}

#[test]
fn after_leace_class_means_are_equal_and_no_linear_probe_beats_the_greatest_class() {
    for tones in [2, 3] {
        // 150 rows of two tones are even; 151 are not, so that there is a greatest class.
        let Planted { features, tone, .. } = planted(151, tones, 1);
        let erasure = Leace.fit(&features, &tone).unwrap();
        assert_eq!(erasure.rank(), tones - 1);
        let erased = erasure.apply(&features).unwrap();
        assert_eq!(erased.name(), "planted, erased");
        for j in 0..WIDTH {
            let mean = |class| {
                let of: Vec<f64> = (0..151).filter(|&i| tone.classes()[i] == class).map(|i| erased.row(i)[j]).collect();
                of.iter().sum::<f64>() / of.len() as f64
            };
            assert!((1..tones).all(|class| (mean(class) - mean(0)).abs() < 1e-12));
        }
        assert!(right_in_sample(&features, &tone, 1.0) > greatest_share(&tone) + 0.15);
        for c in [0.01, 1.0, 100.0] {
            assert!((right_in_sample(&erased, &tone, c) - greatest_share(&tone)).abs() < 1e-12, "{tones} tones, {c}");
        }
        // Nothing is left to take.
        assert!(moved(&erased, &Leace.fit(&erased, &tone).unwrap().apply(&erased).unwrap()) < 1e-12);
    }
}

/// More columns than rows: the same in the rows it is fitted to.
#[test]
fn leace_takes_a_concept_from_wide_rows_as_well() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let values = (0..20 * 50).map(|_| rng.random::<f64>()).collect();
    let features = Features::new("wide", 50, values).unwrap();
    let labels = Labels::of_independent_rows((0..20).map(|i| usize::from(i < 9)).collect()).unwrap();
    let erased = Leace.fit(&features, &labels).unwrap().apply(&features).unwrap();
    let difference = ClassMeans::new().fit(&erased, &labels).unwrap().weights.remove(0);
    assert!(difference.iter().all(|d| d.abs() < 1e-12));
    assert!((right_in_sample(&erased, &labels, 1.0) - 0.55).abs() < 1e-12);
}

/// Projecting out the difference of means also makes means equal, and so does removing the null space; both move rows further.
#[test]
fn leace_moves_rows_least() {
    let Planted { features, tone, .. } = planted(200, 2, 2);
    let least = moved(&features, &Leace.fit(&features, &tone).unwrap().apply(&features).unwrap());
    let difference = ClassMeans::new().fit(&features, &tone).unwrap().weights.remove(0);
    let projected = Erasure::project_out(&difference).unwrap().apply(&features).unwrap();
    let left = ClassMeans::new().fit(&projected, &tone).unwrap().weights.remove(0);
    assert!(left.iter().all(|d| d.abs() < 1e-12));
    let centred = moved(&features, &projected);
    // The projection moves the mean too, which is not what makes it worse.
    let mean: f64 = (0..WIDTH)
        .map(|j| {
            let of = |f: &Features| (0..200).map(|i| f.row(i)[j]).sum::<f64>() / 200.0;
            (of(&features) - of(&projected)).powi(2) * 200.0
        })
        .sum();
    assert!(least < 0.999 * (centred - mean), "{least}, projected {}", centred - mean);
    let nulled = Inlp::new(3, 1.0).fit(&features, &tone).unwrap().apply(&features).unwrap();
    assert!(least < moved(&features, &nulled));
}

fn auroc(probe: &dyn isinglass_probe::Probe, features: &Features, labels: &Labels) -> f64 {
    let crossed = CrossFit::new(probe).permutations(19).resamples(100).seed(5);
    let none = Baselines::left_out("planted");
    crossed.run(std::slice::from_ref(features), labels, &none).unwrap().probes[0].auroc.value()
}

#[test]
fn inside_folds_the_concept_goes_and_another_stays() {
    let Planted { features, tone, class } = planted(200, 2, 4);
    for eraser in [&Leace as &dyn Eraser, &Inlp::new(3, 1.0)] {
        for probe in [&Logistic::l2(1.0) as &dyn isinglass_probe::Probe, &Ridge::new(1.0)] {
            let erased = Erased::new(probe, eraser, &tone);
            assert!(auroc(probe, &features, &tone) > 0.75);
            let left = auroc(&erased, &features, &tone);
            assert!(left < 0.6, "{}: {left}", eraser.name());
            assert!(auroc(&erased, &features, &class) > 0.9, "{}", eraser.name());
        }
    }
    // Where folds lie within folds, rows still find their concept.
    let probe = Logistic::l2(1.0);
    let nested = Chosen::among([Erased::new(&probe, &Leace, &tone)]).folds(3);
    assert!(auroc(&nested, &features, &class) > 0.9 && auroc(&nested, &features, &tone) < 0.6);
    let name = isinglass_probe::Probe::name(&Erased::new(&Ridge::new(1.0), &Leace, &tone));
    assert_eq!(name, "ridge, alpha = 1, after LEACE of tone 0 / tone 1");
}

#[test]
fn after_null_space_projection_little_is_left_in_sample() {
    let Planted { features, tone, .. } = planted(200, 2, 6);
    let erasure = Inlp::new(3, 1.0).fit(&features, &tone).unwrap();
    assert_eq!(erasure.rank(), 3);
    let erased = erasure.apply(&features).unwrap();
    assert!(right_in_sample(&features, &tone, 1.0) > 0.7);
    assert!(right_in_sample(&erased, &tone, 1.0) < 0.6);
}

/// A column that is projected out leaves rounding, in which a standardised probe must not find the concept again.
#[test]
fn a_column_that_is_gone_is_gone() {
    let values: Vec<f64> =
        (0..60).flat_map(|i| [f64::from(i % 2) + f64::from(i % 7) / 9.0, f64::from(i % 5)]).collect();
    let features = Features::new("two", 2, values).unwrap();
    let labels = Labels::of_independent_rows((0..60).map(|i| i % 2).collect()).unwrap();
    let erased = Erasure::project_out(&[3.0, 0.0]).unwrap().apply(&features).unwrap();
    assert!((0..60).all(|i| erased.row(i)[0].to_bits() == 0));
    let erased = Leace.fit(&features, &labels).unwrap().apply(&features).unwrap();
    assert!((right_in_sample(&erased, &labels, 100.0) - 0.5).abs() < 1e-12);
}

#[test]
fn what_does_not_fit_is_refused() {
    let Planted { features, tone, .. } = planted(20, 2, 7);
    let other = Features::new("narrow", 2, vec![0.0; 4]).unwrap();
    let erasure = Leace.fit(&features, &tone).unwrap();
    assert!(matches!(erasure.apply(&other), Err(FitError::WrongWidth { expected: WIDTH, width: 2, .. })));
    assert!(matches!(Leace.fit(&other, &tone), Err(FitError::LengthMismatch { .. })));
    assert!(matches!(Erasure::project_out(&[0.0, 0.0]), Err(FitError::BadSetting { .. })));
    assert!(matches!(Erasure::project_out(&[f64::NAN]), Err(FitError::NotFinite { .. })));
    // A concept of fewer rows than there are.
    let few = Labels::of_independent_rows(vec![0, 1]).unwrap();
    let probe = Logistic::l2(1.0);
    let none = Baselines::left_out("refused");
    let refused =
        CrossFit::new(&Erased::new(&probe, &Leace, &few)).permutations(1).run(&[features], &tone, &none).unwrap_err();
    assert!(matches!(refused, FitError::LengthMismatch { labels: 2, .. }));
}
