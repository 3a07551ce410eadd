//! Agreement with scikit-learn within the tolerance table, on every file about probes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::float_cmp, reason = "labels are exact")]
#![allow(unreachable_pub, dead_code, reason = "what the tests of several crates share")]

#[path = "../../../tests/shared/reference.rs"]
mod reference;

use isinglass_probe::{
    Baselines, ClassMeans, Covariance, CrossFit, Features, Labels, Lda, LinearProbe, Logistic, Probe, Ridge, Scaling,
    ledoit_wolf,
};
use isinglass_stats::{Folds, auroc};
use reference::{Reference, Within};

#[test]
fn every_file_about_probes_passes() {
    reference::walk(
        |topic| topic.starts_with("probe_"),
        |reference: &Reference| match reference.topic.as_str() {
            "probe_binary" => binary(reference),
            "probe_more_features" => more_features(reference),
            "probe_multiclass" => multiclass(reference),
            "probe_lda_means" => lda_means(reference),
            topic => panic!("no test knows the file `{topic}.json`"),
        },
    );
}

/// A probe that takes its rows as they are, as the reference does.
struct Unscaled<P>(P);

impl<P: Probe> Probe for Unscaled<P> {
    fn name(&self) -> String {
        self.0.name()
    }

    fn scaling(&self) -> Scaling {
        Scaling::AsIs
    }

    fn score(
        &self,
        fold: &isinglass_probe::Fold,
        labellings: &[Vec<usize>],
        n_classes: usize,
    ) -> Result<Vec<Vec<f64>>, isinglass_probe::FitError> {
        self.0.score(fold, labellings, n_classes)
    }
}

impl<P: LinearProbe> LinearProbe for Unscaled<P> {
    fn weigh(
        &self,
        fold: &isinglass_probe::Fold,
        labels: &[usize],
        n_classes: usize,
    ) -> Result<(faer::Mat<f64>, Vec<f64>), isinglass_probe::FitError> {
        self.0.weigh(fold, labels, n_classes)
    }
}

fn data(reference: &Reference) -> (Features, Labels) {
    let (values, width) = reference.matrix(&["X"]);
    let labels = Labels::of_independent_rows(reference.indices(&["y"])).unwrap();
    (Features::new("X", width, values).unwrap(), labels)
}

fn sigmoid(score: f64) -> f64 {
    1.0 / (1.0 + (-score).exp())
}

/// `-ln` of the chance that each row was given of its class, summed.
fn log_loss(scores: &[f64], classes: &[usize]) -> f64 {
    let signed = scores.iter().zip(classes).map(|(s, &class)| if class == 1 { -s } else { *s });
    signed.map(|s| s.max(0.0) + (-s.abs()).exp().ln_1p()).sum()
}

fn share_right(scores: &[f64], classes: &[usize]) -> f64 {
    let right = scores.iter().zip(classes).filter(|(s, class)| usize::from(**s > 0.0) == **class).count();
    right as f64 / classes.len() as f64
}

fn binary_auroc(scores: &[f64], classes: &[usize]) -> f64 {
    auroc(scores, &classes.iter().map(|&class| class == 1).collect::<Vec<_>>()).unwrap()
}

fn binary(reference: &Reference) {
    let (features, labels) = data(reference);
    let test_folds: Vec<Vec<usize>> = (0..reference.input(&["test_folds"]).as_array().unwrap().len())
        .map(|i| {
            reference.input(&["test_folds"])[i]
                .as_array()
                .unwrap()
                .iter()
                .map(|v| v.as_u64().unwrap() as usize)
                .collect()
        })
        .collect();
    let folds = Folds::from_test(&test_folds, features.len()).unwrap();
    for c in reference.keys(&["C"]) {
        let value: f64 = c.parse().unwrap();
        let probe = Unscaled(Logistic::l2(value).tolerance(1e-11));
        let fitted = probe.fit(&features, &labels).unwrap();
        let (w, scores) = (&fitted.weights[0], fitted.scores(&features).unwrap());
        let at = |key: &'static str| ["C", &c, key].map(str::to_owned);
        let check = |key, got: &[f64]| {
            reference.check_all(&at(key).each_ref().map(String::as_str), got, Within::Optimum);
        };
        check("coef", w);
        check("intercept", &fitted.intercepts);
        let loss = log_loss(&scores, labels.classes());
        check("objective", &[w.iter().map(|w| w * w).sum::<f64>() / 2.0 + value * loss]);
        check("train_auroc", &[binary_auroc(&scores, labels.classes())]);
        check("train_accuracy", &[share_right(&scores, labels.classes())]);
        check("proba_first5", &scores[..5].iter().map(|s| sigmoid(*s)).collect::<Vec<_>>());

        // The library's standardised probe has weights in the rows' units: those of the reference over the deviations.
        let standardised = Logistic::l2(value).tolerance(1e-11).fit(&features, &labels).unwrap();
        let n = features.len() as f64;
        let column = |j: usize| (0..features.len()).map(|i| features.row(i)[j]).collect::<Vec<f64>>();
        let (mut coefficients, mut intercept) = (Vec::new(), standardised.intercepts[0]);
        for (j, weight) in standardised.weights[0].iter().enumerate() {
            let mean = column(j).iter().sum::<f64>() / n;
            coefficients.push(weight * (column(j).iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt());
            intercept += weight * mean;
        }
        reference.check_all(&["C", &c, "standardized", "coef"], &coefficients, Within::Optimum);
        reference.check(&["C", &c, "standardized", "intercept"], intercept, Within::Optimum);

        let crossed = CrossFit::new(&probe)
            .permutations(1)
            .resamples(40)
            .run_on(&folds, std::slice::from_ref(&features), &labels, &Baselines::left_out("there are no texts"))
            .unwrap();
        let scores = &crossed.probes[0].scores;
        let mut aurocs = Vec::new();
        let expected = reference.expected(&["C", &c, "cv"]).as_array().unwrap();
        assert_eq!(expected.len(), test_folds.len());
        for (test, expected) in test_folds.iter().zip(expected) {
            let of: Vec<f64> = test.iter().map(|&row| scores[row]).collect();
            let classes: Vec<usize> = test.iter().map(|&row| labels.classes()[row]).collect();
            aurocs.push(binary_auroc(&of, &classes));
            for (key, got) in [
                ("auroc", binary_auroc(&of, &classes)),
                ("accuracy", share_right(&of, &classes)),
                ("log_loss", log_loss(&of, &classes) / classes.len() as f64),
            ] {
                let expected = expected[key].as_f64().unwrap();
                assert!((got - expected).abs() <= 1e-6 * expected.abs(), "C = {c}, {key}: {got}, expected {expected}");
            }
        }
        let mean = aurocs.iter().sum::<f64>() / aurocs.len() as f64;
        let variance = aurocs.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / aurocs.len() as f64;
        check("cv_auroc_mean", &[mean]);
        check("cv_auroc_std_population", &[variance.sqrt()]);
    }
    let fit = |probe: Logistic| Unscaled(probe.tolerance(1e-11)).fit(&features, &labels).unwrap();
    let through_zero = fit(Logistic::l2(1.0).without_intercept());
    reference.check_all(&["no_intercept_C1", "coef"], &through_zero.weights[0], Within::Optimum);
    assert_eq!(through_zero.intercepts, [0.0]);
    let weighted = fit(Logistic::l2(1.0).class_weights([1.0, 3.0]));
    reference.check_all(&["sample_weight_3_for_class_1_C1", "coef"], &weighted.weights[0], Within::Optimum);
    reference.check(&["sample_weight_3_for_class_1_C1", "intercept"], weighted.intercepts[0], Within::Optimum);
}

fn more_features(reference: &Reference) {
    let (features, labels) = data(reference);
    for c in reference.keys(&["C"]) {
        let fitted = Unscaled(Logistic::l2(c.parse().unwrap()).tolerance(1e-11)).fit(&features, &labels).unwrap();
        reference.check_all(&["C", &c, "coef"], &fitted.weights[0], Within::Optimum);
        reference.check(&["C", &c, "intercept"], fitted.intercepts[0], Within::Optimum);
        let right = share_right(&fitted.scores(&features).unwrap(), labels.classes());
        reference.check(&["C", &c, "train_accuracy"], right, Within::Closed);
    }
}

fn multiclass(reference: &Reference) {
    let (features, labels) = data(reference);
    let (k, classes) = (labels.n_classes(), labels.classes());
    let fit = |probe: Logistic| Unscaled(probe.tolerance(1e-11)).fit(&features, &labels).unwrap();
    let fitted = fit(Logistic::l2(1.0));
    reference.check_all(&["coef"], &fitted.weights.concat(), Within::Optimum);
    let expected: Vec<f64> =
        reference.expected(&["intercept"]).as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    assert!(reference.expected(&["intercept_note"]).is_string());
    let mean = expected.iter().sum::<f64>() / k as f64;
    assert!(fitted.intercepts.iter().zip(&expected).all(|(got, e)| (got - (e - mean)).abs() < 1e-6));

    let scores = fitted.scores(&features).unwrap();
    let chances: Vec<Vec<f64>> = scores
        .chunks(k)
        .map(|scores| {
            let sum: f64 = scores.iter().map(|s| s.exp()).sum();
            scores.iter().map(|s| s.exp() / sum).collect()
        })
        .collect();
    reference.check_all(&["proba_first5"], &chances[..5].concat(), Within::Optimum);
    let predicted: Vec<usize> =
        chances.iter().map(|c| (0..k).max_by(|&a, &b| c[a].total_cmp(&c[b])).unwrap()).collect();
    let mut confusion = vec![vec![0.0; k]; k];
    classes.iter().zip(&predicted).for_each(|(&truth, &got)| confusion[truth][got] += 1.0);
    reference.check_all(&["confusion"], &confusion.concat(), Within::Closed);
    let diagonal: f64 = (0..k).map(|c| confusion[c][c]).sum();
    reference.check(&["accuracy"], diagonal / classes.len() as f64, Within::Closed);
    let f1 = (0..k).map(|c| {
        let (row, column): (f64, f64) = (confusion[c].iter().sum(), (0..k).map(|r| confusion[r][c]).sum());
        2.0 * confusion[c][c] / (row + column)
    });
    reference.check(&["f1_macro"], f1.sum::<f64>() / k as f64, Within::Closed);
    let one_against_rest = (0..k).map(|c| {
        let of: Vec<f64> = chances.iter().map(|chances| chances[c]).collect();
        auroc(&of, &classes.iter().map(|&class| class == c).collect::<Vec<_>>()).unwrap()
    });
    reference.check(&["auroc_ovr_macro"], one_against_rest.sum::<f64>() / k as f64, Within::Closed);

    reference.check_all(&["balanced_coef"], &fit(Logistic::l2(1.0).balanced()).weights.concat(), Within::Optimum);
    let numbers: Vec<f64> = classes.iter().map(|&class| class as f64).collect();
    let (w, b) = Ridge::new(2.0).regress(&features, &numbers).unwrap();
    reference.check_all(&["ridge_alpha_2", "coef"], &w, Within::Closed);
    reference.check(&["ridge_alpha_2", "intercept"], b, Within::Closed);
}

fn lda_means(reference: &Reference) {
    let (features, labels) = data(reference);
    let (values, width) = reference.matrix(&["X"]);
    let classes = labels.classes();
    let difference = ClassMeans::new().fit(&features, &labels).unwrap();
    reference.check_all(&["mean_difference"], &difference.weights[0], Within::Closed);
    let scores = difference.scores(&features).unwrap();
    reference.check(&["mean_difference_auroc"], binary_auroc(&scores, classes), Within::Closed);

    // The covariance that the mass-mean probe divides by gives the difference back.
    let mass_mean = ClassMeans::corrected(Covariance::Pooled).fit(&features, &labels).unwrap();
    reference.check_all(&["mass_mean_direction"], &mass_mean.weights[0], Within::Closed);
    let covariance = reference.expected(&["pooled_covariance"]).as_array().unwrap();
    for (row, difference) in covariance.iter().zip(&difference.weights[0]) {
        let row = row.as_array().unwrap().iter().map(|v| v.as_f64().unwrap());
        let product: f64 = row.zip(&mass_mean.weights[0]).map(|(c, w)| c * w).sum();
        assert!((product - difference).abs() < 1e-9 * difference.abs().max(1e-3));
    }

    for (key, covariance) in [
        ("lda_svd", Covariance::Pooled),
        ("lda_lsqr_shrinkage_0.2", Covariance::Shrunk(0.2)),
        ("lda_ledoit_wolf", Covariance::LedoitWolf),
    ] {
        let fitted = Unscaled(Lda::new(covariance)).fit(&features, &labels).unwrap();
        reference.check_all(&[key, "coef"], &fitted.weights[0], Within::Closed);
        reference.check(&[key, "intercept"], fitted.intercepts[0], Within::Closed);
        if key == "lda_svd" {
            let right = share_right(&fitted.scores(&features).unwrap(), classes);
            reference.check(&[key, "accuracy"], right, Within::Closed);
        }
    }
    reference.check(&["ledoit_wolf_shrinkage_all_rows"], ledoit_wolf(&values, width).unwrap(), Within::Closed);
}
