//! Bootstrap intervals on resamples that are given.

use isinglass_stats::{BootstrapDistribution, Interval, acceleration, mean};

use crate::reference::{Reference, Within};

pub fn check(reference: &Reference) {
    let x = reference.floats(&["x"]);
    let theta = mean(&x).unwrap();
    reference.check(&["theta"], theta, Within::Closed);

    let (drawn, n) = reference.matrix(&["resample_indices"]);
    let replicates = drawn.chunks(n).map(|rows| {
        let values: Vec<f64> = rows.iter().map(|&row| x[row as usize]).collect();
        mean(&values).unwrap()
    });
    let distribution = BootstrapDistribution::new(theta, replicates.collect()).unwrap();
    let without = (0..x.len()).map(|left_out| {
        let kept: Vec<f64> = (0..x.len()).filter(|&row| row != left_out).map(|row| x[row]).collect();
        mean(&kept).unwrap()
    });
    let acceleration = acceleration(&without.collect::<Vec<f64>>()).unwrap();

    reference.check(&["boot_se_ddof1"], distribution.se(), Within::Closed);
    reference.check(&["z0"], distribution.bias_correction().unwrap(), Within::Tail);
    reference.check(&["acceleration"], acceleration, Within::Closed);
    let check = |key, interval: Option<Interval>, within| {
        let interval = interval.unwrap();
        reference.check_all(&[key], &[interval.low(), interval.high()], within);
    };
    check("percentile95", distribution.percentile(), Within::Closed);
    check("basic95", distribution.basic(), Within::Closed);
    check("normal95", distribution.normal(), Within::Tail);
    check("bca95", distribution.bca(acceleration), Within::Tail);
}
