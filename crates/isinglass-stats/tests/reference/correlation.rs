//! Correlations, ranks, covariance.

use isinglass_stats::{Estimate, average_ranks, covariance, kendall, mean, pearson, point_biserial, spearman};

use crate::reference::{Reference, Within};

pub fn check(reference: &Reference) {
    let [x, y, z, level] = ["x", "y", "z", "level"].map(|name| reference.floats(&[name]));
    let with_p = |topic: &str, name: &str, estimate: &Estimate| {
        reference.check(&[topic, name], estimate.value(), Within::Closed);
        reference.check(&[topic, "p"], estimate.p().unwrap().value(), Within::Tail);
        let interval = estimate.interval().unwrap();
        assert!(interval.low() < estimate.value() && estimate.value() < interval.high(), "{topic}");
    };
    let r = pearson(&x, &y).unwrap();
    with_p("pearson", "r", &r);
    let interval = r.interval().unwrap();
    reference.check_all(&["pearson", "ci95_fisher"], &[interval.low(), interval.high()], Within::Closed);
    with_p("spearman", "rho", &spearman(&x, &y).unwrap());
    with_p("kendall_tau_b", "tau", &kendall(&x, &y).unwrap());
    reference.check(&["spearman_z_level"], spearman(&z, &level).unwrap().value(), Within::Closed);
    reference.check(&["kendall_z_level"], kendall(&z, &level).unwrap().value(), Within::Closed);

    let labels = reference.labels(&["binary"]);
    let biserial = point_biserial(&labels, &x).unwrap();
    reference.check(&["point_biserial_x_binary"], biserial.value(), Within::Closed);
    reference.check(&["covariance_xy"], covariance(&x, &y).unwrap(), Within::Closed);
    reference.check_all(&["ranks_average_y_first10"], &average_ranks(&y).unwrap()[..10], Within::Closed);
    let means = (0..4).map(|i| {
        let of_level: Vec<f64> = z.iter().zip(&level).filter(|row| *row.1 == f64::from(i)).map(|row| *row.0).collect();
        mean(&of_level).unwrap()
    });
    reference.check_all(&["level_means"], &means.collect::<Vec<_>>(), Within::Closed);
}
