//! A signal in one row of each text, somewhere.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use isinglass_core::{Rows, site::resid_post};
use isinglass_probe::{AttentionProbe, Baselines, FitError, Labels, Sequences};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const WIDTH: usize = 6;

/// Texts of 4 to 8 rows. One row of each is marked along the first axis, and there the second axis has the class; in other
/// rows the second axis is noise of which the mean drowns it.
fn marked(n: usize, n_classes: usize, seed: u64) -> (Rows, Vec<usize>, Vec<usize>, Vec<usize>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut values, mut lengths, mut places) = (Vec::new(), Vec::new(), Vec::new());
    let classes: Vec<usize> = (0..n).map(|i| i % n_classes).collect();
    for class in &classes {
        let (length, mut noise) = (rng.random_range(4..9), || 2.0 * (rng.random::<f32>() - 0.5));
        let mut rows: Vec<Vec<f32>> = (0..length).map(|_| (0..WIDTH).map(|_| noise()).collect()).collect();
        for row in &mut rows {
            row[1] = 5.0 * noise();
        }
        let place = (noise().abs() * length as f32) as usize;
        rows[place][0] += 4.0;
        rows[place][1] = match n_classes {
            2 => 2.0 * *class as f32 - 1.0,
            _ => 0.0,
        };
        if n_classes > 2 {
            (0..n_classes).for_each(|c| rows[place][1 + c] = if c == *class { 3.0 } else { -1.0 });
        }
        lengths.push(length);
        places.push(place);
        values.extend(rows.concat());
    }
    (Rows::new(resid_post(2), WIDTH, values).unwrap(), lengths, classes, places)
}

#[test]
fn it_finds_the_row_that_the_mean_drowns() {
    let (rows, lengths, classes, places) = marked(100, 2, 1);
    let sequences = Sequences::of_rows(&rows, &lengths).unwrap();
    let labels = Labels::of_independent_rows(classes).unwrap().named(["no", "yes"]).unwrap();
    let probe = AttentionProbe::new(10.0).permutations(19).seed(3);
    let found = probe.cross_fit(&sequences, &labels, &Baselines::left_out("planted")).unwrap();
    let (attention, pooled) = (&found.attention.auroc, &found.pooled.probes[0].auroc);
    assert!(attention.value() > 0.9 && attention.p().unwrap().value() <= 0.05, "{found}");
    assert!(pooled.value() < 0.75, "{found}");
    assert!((found.attention.null.as_ref().unwrap().mean() - 0.5).abs() < 0.1, "{found}");
    assert!(found.to_string().starts_with("attention, 1 head, C = 10, 5 folds over 100 groups, seed 3\n"), "{found}");

    let fitted = probe.fit(&sequences, &labels, 1).unwrap();
    let looked = fitted.attention(&sequences).unwrap();
    let right = looked.iter().zip(&places).filter(|(of, place)| {
        let of = &of[0];
        (0..of.len()).all(|t| of[t] <= of[**place])
    });
    assert!(right.count() >= 95);
    assert!(looked.iter().all(|of| (of[0].iter().sum::<f64>() - 1.0).abs() < 1e-12));
    let direction = fitted.direction(0).unwrap();
    assert!(direction.vector[1] > 0.0 && (0..WIDTH).all(|j| direction.vector[j].abs() <= direction.vector[1]));
    assert_eq!(direction.how, "towards yes: attention, 1 head, C = 10 over 100 texts, value of head 0");
    let scores = fitted.scores(&sequences).unwrap();
    let told = scores.iter().zip(labels.classes()).filter(|(s, class)| usize::from(**s > 0.0) == **class).count();
    assert!(told > 90, "{told}");
}

#[test]
fn one_class_against_the_others_serves_three() {
    let (rows, lengths, classes, _) = marked(90, 3, 2);
    let sequences = Sequences::of_rows(&rows, &lengths).unwrap();
    let labels = Labels::of_independent_rows(classes).unwrap();
    let probe = AttentionProbe::new(1.0).heads(2).starts(2).folds(3).permutations(2).resamples(50);
    let found = probe.cross_fit(&sequences, &labels, &Baselines::left_out("planted")).unwrap();
    assert!(found.attention.auroc.value() > 0.9, "{found}");
    assert_eq!(found.attention.scores.len(), 270);
}

/// Texts of one row have no place to choose: it is a logistic probe of that row.
#[test]
fn with_one_row_a_text_it_is_a_logistic_probe() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for width in [3, 60] {
        let texts: Vec<Vec<f64>> = (0..40)
            .map(|i| {
                (0..width).map(|j| rng.random::<f64>() + if j == 0 { 0.5 * f64::from(i % 2) } else { 0.0 }).collect()
            })
            .collect();
        let sequences = Sequences::new("single rows", width, &texts).unwrap();
        let labels = Labels::of_independent_rows((0..40).map(|i| i % 2).collect()).unwrap();
        let probe = AttentionProbe::new(0.5).tolerance(1e-9).permutations(3).resamples(50);
        let found = probe.cross_fit(&sequences, &labels, &Baselines::left_out("planted")).unwrap();
        let (own, pooled) = (&found.attention.scores, &found.pooled.probes[0].scores);
        assert!(own.iter().zip(pooled).all(|(a, b)| (a - b).abs() < 1e-6), "width {width}");
        let [own, pooled] = [&found.attention, &found.pooled.probes[0]].map(|scored| scored.auroc.value());
        assert!((own - pooled).abs() < 1e-12);
    }
}

#[test]
fn without_a_signal_there_is_none() {
    let (rows, lengths, _, _) = marked(60, 2, 4);
    let sequences = Sequences::of_rows(&rows, &lengths).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let labels = Labels::of_independent_rows((0..60).map(|_| usize::from(rng.random::<bool>())).collect()).unwrap();
    let probe = AttentionProbe::new(1.0).permutations(39).resamples(50);
    let found = probe.cross_fit(&sequences, &labels, &Baselines::left_out("noise")).unwrap();
    assert!(found.attention.auroc.p().unwrap().value() > 0.05, "{found}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let sequences = Sequences::new("x", 1, &[vec![1.0, 2.0], vec![3.0], vec![0.0], vec![2.0]]).unwrap();
    let labels = Labels::of_independent_rows(vec![0, 1, 0, 1]).unwrap();
    let probe = AttentionProbe::new(1.0);
    let refused = |probe: AttentionProbe| probe.fit(&sequences, &labels, 1).unwrap_err();
    assert!(matches!(refused(AttentionProbe::new(0.0)), FitError::BadSetting { what: "C", .. }));
    assert!(matches!(refused(probe.heads(0)), FitError::BadSetting { what: "number of heads", .. }));
    assert!(matches!(refused(probe.starts(0)), FitError::BadSetting { what: "number of starts", .. }));
    assert!(matches!(probe.fit(&sequences, &labels, 2), Err(FitError::NoSuchClass { class: 2, .. })));
    let fitted = probe.fit(&sequences, &labels, 0).unwrap();
    assert!(matches!(fitted.direction(0), Err(FitError::NoSite)));
    let wide = Sequences::new("wide", 2, &[vec![1.0, 2.0]]).unwrap();
    assert!(matches!(fitted.scores(&wide), Err(FitError::WrongWidth { width: 2, expected: 1, .. })));
    let one = Sequences::new("one", 1, &[vec![1.0]]).unwrap();
    assert!(matches!(probe.fit(&one, &labels, 1), Err(FitError::LengthMismatch { .. })));
}
