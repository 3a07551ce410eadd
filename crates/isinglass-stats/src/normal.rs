//! Standard normal draws.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// A standard normal draw (Box and Muller 1958; the second of their two is left unused, so that a draw has no memory).
pub(crate) fn standard_normal(rng: &mut ChaCha8Rng) -> f64 {
    // From (0, 1], whose logarithm is finite.
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn draws_have_the_moments_and_tails_of_a_normal() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let draws: Vec<f64> = (0..100_000).map(|_| standard_normal(&mut rng)).collect();
        let moment = |power| draws.iter().map(|x: &f64| x.powi(power)).sum::<f64>() / draws.len() as f64;
        // Four standard deviations of each: those of the moments are 1, √2, √15 and √96 over √n.
        for (power, expected, sd) in [(1, 0.0, 1.0), (2, 1.0, 1.414), (3, 0.0, 3.873), (4, 3.0, 9.798)] {
            assert!((moment(power) - expected).abs() < 4.0 * sd / 316.2, "{power}: {}", moment(power));
        }
        let beyond = draws.iter().filter(|x| x.abs() > 1.959_964).count();
        assert!((4724..=5276).contains(&beyond), "{beyond}");
    }
}
