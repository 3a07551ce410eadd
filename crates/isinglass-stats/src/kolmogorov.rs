//! The distribution of Kolmogorov's statistic for a finite sample.

use std::f64::consts::{FRAC_PI_2, PI};

use statrs::function::gamma::ln_gamma;

/// Up to this many values the distribution is computed exactly.
const EXACT: u64 = 2000;

/// The probability that the greatest distance between the distribution function of `n` values and the true one, which is
/// continuous, exceeds `d`.
///
/// In the tail, twice the one-sided probability of Birnbaum and Tingey (1951), which counts excesses to both sides twice:
/// a share of `exp(-6 n d²)`.
/// Elsewhere, up to 2000 values, the matrix power of Marsaglia, Tsang and Wang (2003), which is exact; beyond, the
/// expansion of Pelz and Good (1976), off by less than 5e-6 of the probability.
/// That is the choice of Simard and L'Ecuyer (2011) with fewer methods.
pub(crate) fn kolmogorov_sf(d: f64, n: u64) -> f64 {
    let size = n as f64;
    let square = size * d * d;
    if d >= 1.0 {
        0.0
    } else if 2.0 * size * d <= 1.0 {
        1.0
    } else if square > if n <= EXACT { 4.0 } else { 2.4 } {
        (2.0 * one_sided(d, n)).min(1.0)
    } else {
        let below = if n <= EXACT { matrix_power(d, n) } else { expansion(square.sqrt(), size) };
        (1.0 - below).clamp(0.0, 1.0)
    }
}

/// `d Σ C(n, j) (d + j / n)^(j - 1) (1 - d - j / n)^(n - j)` over `j` from 0 to `n (1 - d)`.
fn one_sided(d: f64, n: u64) -> f64 {
    let size = n as f64;
    let terms = (0..=n).map(|j| j as f64).take_while(|j| 1.0 - d - j / size > 0.0).map(|j| {
        let choose = ln_gamma(size + 1.0) - ln_gamma(j + 1.0) - ln_gamma(size - j + 1.0);
        (choose + (j - 1.0) * (d + j / size).ln() + (size - j) * (1.0 - d - j / size).ln()).exp()
    });
    d * terms.sum::<f64>()
}

/// The probability of at most `d`: an entry of the `n`-th power of a matrix as wide as twice `n d`.
fn matrix_power(d: f64, n: u64) -> f64 {
    let size = n as f64;
    let k = (size * d) as usize + 1;
    let h = k as f64 - size * d;
    let width = 2 * k - 1;
    // 1/r!, and what is missing of it in the first column and the last row.
    let mut inverse_factorials = vec![1.0; width + 1];
    for r in 1..=width {
        inverse_factorials[r] = inverse_factorials[r - 1] / r as f64;
    }
    let mut step = vec![0.0; width * width];
    for i in 0..width {
        for j in 0..=(i + 1).min(width - 1) {
            let order = i + 1 - j;
            let mut missing = 0.0;
            if j == 0 {
                missing += h.powi(order as i32);
            }
            if i == width - 1 {
                missing += h.powi(order as i32);
            }
            if j == 0 && i == width - 1 {
                missing -= (2.0 * h - 1.0).max(0.0).powi(order as i32);
            }
            step[i * width + j] = (1.0 - missing) * inverse_factorials[order];
        }
    }
    // Divides by n at every step, so that n!/nⁿ is there at the end; the matrix alone stays within range.
    let (power, mut exponent) = raise(&step, width, n);
    let mut value = power[(k - 1) * width + k - 1];
    for i in 1..=n {
        value *= i as f64 / size;
        if value < 1e-140 {
            value *= 1e140;
            exponent -= 140;
        }
    }
    value * 10.0_f64.powi(exponent)
}

/// A matrix to a power, as `M · 10^exponent`.
fn raise(base: &[f64], width: usize, power: u64) -> (Vec<f64>, i32) {
    let mut result: Option<(Vec<f64>, i32)> = None;
    for bit in (0..u64::BITS - power.leading_zeros()).rev() {
        let squared = result.map(|(matrix, exponent)| (product(&matrix, &matrix, width), 2 * exponent));
        let (mut matrix, mut exponent) = match squared {
            None => (base.to_vec(), 0),
            Some((matrix, exponent)) if power >> bit & 1 == 1 => (product(&matrix, base, width), exponent),
            Some(squared) => squared,
        };
        if matrix[(width / 2) * width + width / 2] > 1e140 {
            for value in &mut matrix {
                *value *= 1e-140;
            }
            exponent += 140;
        }
        result = Some((matrix, exponent));
    }
    result.unwrap_or_else(|| (base.to_vec(), 0))
}

fn product(a: &[f64], b: &[f64], width: usize) -> Vec<f64> {
    let mut out = vec![0.0; width * width];
    for (row, out) in a.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
        for (&value, other) in row.iter().zip(b.chunks_exact(width)) {
            if value != 0.0 {
                for (out, other) in out.iter_mut().zip(other) {
                    *out += value * other;
                }
            }
        }
    }
    out
}

/// The probability of at most `z / √n` by the limit and three corrections, in theta functions of `z`.
fn expansion(z: f64, n: f64) -> f64 {
    let square = z * z;
    let (mut limit, mut first, mut second, mut third) = (0.0, 0.0, 0.0, 0.0);
    // Beyond 12, every term is below 1e-100 for the `z` of interest.
    for k in -12..=12 {
        let odd = (PI * (f64::from(k) + 0.5)).powi(2);
        let weight = (-odd / (2.0 * square)).exp();
        limit += weight;
        first += weight * (odd - square) / (6.0 * z.powi(3));
        second += weight
            * (6.0 * z.powi(6)
                + 2.0 * z.powi(4)
                + (2.0 * z.powi(4) - 5.0 * square) * odd
                + (1.0 - 2.0 * square) * odd * odd)
            / (72.0 * z.powi(6));
        third += weight
            * ((5.0 - 30.0 * square) * odd.powi(3)
                + (212.0 * z.powi(4) - 60.0 * square) * odd * odd
                + (135.0 * z.powi(4) - 96.0 * z.powi(6)) * odd
                - (30.0 * z.powi(6) + 90.0 * z.powi(8)))
            / (6480.0 * z.powi(9));
        let even = (PI * f64::from(k)).powi(2);
        let weight = (-even / (2.0 * square)).exp();
        second -= weight * even / (36.0 * square);
        third += weight * (3.0 * square - even) * even / (108.0 * z.powi(5));
    }
    FRAC_PI_2.sqrt() / z * (limit + first / n.sqrt() + second / n + third / (n * n.sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against `scipy.stats.kstwo.sf` 1.17.
    #[test]
    fn every_part_of_the_distribution() {
        let check = |d: f64, n, expected: f64, within: f64| {
            let got = kolmogorov_sf(d, n);
            assert!((got - expected).abs() <= within * expected, "d = {d}, n = {n}: {got:e} for {expected:e}");
        };
        check(0.11, 7, 0.999_918_059_129_173_3, 1e-9);
        check(0.3, 7, 0.466_263_876_990_029_47, 1e-9);
        check(0.55, 7, 0.016_255_939_651_261_365, 1e-9);
        check(0.95, 7, 1.562_500_000_000_009_6e-9, 1e-9);
        check(0.49, 16, 0.000_457_709_768_923_120_2, 1e-9);
        check(0.3409, 25, 0.004_266_299_589_186_451, 1e-9);
        check(0.05, 31, 0.999_989_360_940_974_9, 1e-9);
        check(0.12, 140, 0.032_526_382_585_616_32, 1e-9);
        check(0.17, 140, 0.000_524_610_868_751_981_4, 1e-9);
        check(0.3, 140, 1.137_025_171_073_730_9e-11, 1e-9);
        check(0.02, 900, 0.856_998_186_624_591_9, 1e-5);
        check(0.06, 900, 0.002_936_654_866_944_325_3, 1e-5);
        check(0.009, 10000, 0.390_439_212_033_122_26, 5e-6);
        check(0.0125, 10000, 0.087_133_996_978_329_02, 5e-6);
        check(0.02, 10000, 0.000_661_684_863_938_730_9, 5e-6);
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "the ends are exact")]
    fn the_ends() {
        assert_eq!([kolmogorov_sf(0.0, 5), kolmogorov_sf(0.1, 5), kolmogorov_sf(1.0, 5)], [1.0, 1.0, 0.0]);
        // One value lies at most 0.7 from the line with probability 0.4.
        assert!((kolmogorov_sf(0.7, 1) - 0.6).abs() < 1e-12);
    }

    /// The pieces meet.
    #[test]
    fn exact_and_expanded_agree() {
        for d in [0.015, 0.02, 0.025, 0.03] {
            let (exact, expanded) = (matrix_power(d, EXACT), expansion((EXACT as f64).sqrt() * d, EXACT as f64));
            assert!((exact - expanded).abs() < 5e-6 * (1.0 - exact), "d = {d}: {exact} {expanded}");
        }
        assert!(((2.0 * one_sided(0.2, 100)) - (1.0 - matrix_power(0.2, 100))).abs() < 1e-13);
    }
}
