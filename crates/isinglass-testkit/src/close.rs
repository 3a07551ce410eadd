//! Comparing tensors.

use isinglass_core::Tensor;

/// The values of a tensor, row-major.
pub fn values<const R: usize>(x: Tensor<R>) -> Vec<f32> {
    x.into_data().iter::<f32>().collect()
}

/// Panics unless every value is within `atol + rtol · max|expected|` of the expected one.
///
/// # Panics
/// With the name, the first and the greatest difference.
#[track_caller]
pub fn assert_close(actual: &[f32], expected: &[f32], atol: f32, rtol: f32, name: &str) {
    assert_eq!(actual.len(), expected.len(), "{name}: number of values");
    let largest = expected.iter().filter(|e| e.is_finite()).fold(0.0_f32, |m, e| m.max(e.abs()));
    let bound = atol + rtol * largest;
    // Infinities of one sign agree.
    let off = |(a, e): (&f32, &f32)| if a.to_bits() == e.to_bits() { 0.0 } else { (a - e).abs() };
    let differences: Vec<f32> = actual.iter().zip(expected).map(off).collect();
    let worst = differences.iter().copied().fold(0.0_f32, |m, d| if d.is_nan() || d > m { d } else { m });
    let first = differences.iter().position(|d| d.is_nan() || *d > bound);
    assert!(
        first.is_none(),
        "{name}: value {} is {}, expected {} (greatest difference {worst:e}, allowed {bound:e})",
        first.unwrap_or_default(),
        actual[first.unwrap_or_default()],
        expected[first.unwrap_or_default()],
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerance_is_relative_to_the_greatest_magnitude() {
        assert_close(&[100.0, 0.009], &[100.0, 0.0], 0.0, 1e-4, "ok");
        assert_close(&[f32::NEG_INFINITY], &[f32::NEG_INFINITY], 0.0, 0.0, "equal infinities");
        for (actual, expected) in [(0.02, 0.0), (f32::NAN, 0.0), (f32::INFINITY, 0.0)] {
            let pair = ([100.0, actual], [100.0, expected]);
            assert!(std::panic::catch_unwind(|| assert_close(&pair.0, &pair.1, 0.0, 1e-4, "off")).is_err());
        }
    }
}
