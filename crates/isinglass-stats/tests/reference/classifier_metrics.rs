//! ROC, thresholded metrics, Brier.

use isinglass_stats::{
    ClassMetric, Confusion, ForecastMetric, Forecasts, KappaWeights, auroc, auroc_one_vs_rest, average_precision,
    classify, kappa, roc_curve,
};

use crate::reference::{Reference, Within};

pub fn check(reference: &Reference) {
    let (scores, labels) = (reference.floats(&["score"]), reference.labels(&["y"]));
    reference.check(&["auroc"], auroc(&scores, &labels).unwrap(), Within::Closed);
    reference.check(&["average_precision"], average_precision(&scores, &labels).unwrap(), Within::Closed);
    let curve = roc_curve(&scores, &labels).unwrap();
    reference.check_all(&["roc", "fpr"], &curve.false_positive_rates, Within::Closed);
    reference.check_all(&["roc", "tpr"], &curve.true_positive_rates, Within::Closed);
    reference.check_all(&["roc", "threshold"], &curve.thresholds, Within::Closed);

    let truth: Vec<usize> = labels.iter().map(|&label| usize::from(label)).collect();
    let given: Vec<usize> = scores.iter().map(|&score| usize::from(score >= 0.5)).collect();
    let confusion = Confusion::new(&truth, &given, 2).unwrap();
    for (name, metric) in [
        ("accuracy", ClassMetric::Accuracy),
        ("balanced_accuracy", ClassMetric::BalancedAccuracy),
        ("f1", ClassMetric::F1(1)),
        ("precision", ClassMetric::Precision(1)),
        ("recall", ClassMetric::Recall(1)),
        ("mcc", ClassMetric::Mcc),
        ("kappa", ClassMetric::Kappa),
    ] {
        reference.check(&[name], confusion.value(metric).unwrap(), Within::Closed);
        reference.check(&[name], classify(&truth, &given, 2, metric).unwrap().value(), Within::Closed);
    }
    for weights in [KappaWeights::Unweighted, KappaWeights::Linear, KappaWeights::Quadratic] {
        // Of two classes, all weights are the same.
        reference.check(&["kappa"], kappa(&truth, &given, 2, weights).unwrap().value(), Within::Closed);
    }

    let sigmoid: Vec<f64> = scores.iter().map(|score| 1.0 / (1.0 + (-score).exp())).collect();
    let forecasts = Forecasts::binary(&sigmoid, &labels).unwrap();
    reference.check(&["brier_of_sigmoid"], forecasts.estimate(ForecastMetric::Brier).unwrap().value(), Within::Closed);
    let both: Vec<f64> = sigmoid.iter().flat_map(|p| [1.0 - p, *p]).collect();
    reference.check(&["auroc"], auroc_one_vs_rest(&both, 2, &truth).unwrap(), Within::Closed);
    let of_classes = Forecasts::of_classes(&both, 2, &truth).unwrap();
    reference.check(
        &["brier_of_sigmoid"],
        of_classes.estimate(ForecastMetric::Brier).unwrap().value() / 2.0,
        Within::Closed,
    );
}
