//! The exponential function over slices, in the widest vectors of the processor.

use pulp::Arch;

/// `1 / (1 + e^-x)` in place.
pub(crate) fn sigmoid(values: &mut [f64]) {
    Arch::new().dispatch(|| values.iter_mut().for_each(|v| *v = 1.0 / (1.0 + exp(-*v))));
}

/// `e^x` within 2e-16 of itself from -708 to 709, beyond which it stays as it is at the end; without a branch or a call, so
/// that a loop over it becomes vector instructions.
///
/// `x = k ln 2 + r` with `|r| <= ln 2 / 2`, and `e^r` from its Taylor series, whose 15th term is below 1e-17.
#[inline(always)]
fn exp(x: f64) -> f64 {
    // Adding it leaves the nearest integer in the lowest bits.
    const ROUND: f64 = 1.5 * (1_u64 << 52) as f64;
    // The first has zeros at its end, so that its product with k is exact.
    const LN_2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    const INVERSE_FACTORIALS: [f64; 14] = {
        let mut inverse = [1.0; 14];
        let (mut n, mut factorial) = (1, 1_u64);
        while n < 14 {
            factorial *= n as u64;
            inverse[n] = 1.0 / factorial as f64;
            n += 1;
        }
        inverse
    };
    let x = x.clamp(-708.0, 709.0);
    let rounded = x * std::f64::consts::LOG2_E + ROUND;
    let k = rounded - ROUND;
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    let mut e = INVERSE_FACTORIALS[13];
    let mut n = 13;
    while n > 0 {
        n -= 1;
        e = e * r + INVERSE_FACTORIALS[n];
    }
    // 2^k: k added to the exponent.
    f64::from_bits(e.to_bits().wrapping_add(rounded.to_bits() << 52))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_those_of_the_standard_library() {
        let mut worst = 0.0_f64;
        for i in -7_080_000..=7_090_000 {
            let x = f64::from(i) * 1e-4;
            worst = worst.max((exp(x) / x.exp() - 1.0).abs());
        }
        assert!(worst < 5e-16, "{worst:e}");
        let mut values = [f64::NEG_INFINITY, -1e6, -3.0, 0.0, 2.5, 800.0, f64::INFINITY];
        sigmoid(&mut values);
        let expected = [0.0, 0.0, 1.0 / (1.0 + 3.0_f64.exp()), 0.5, 1.0 / (1.0 + (-2.5_f64).exp()), 1.0, 1.0];
        assert!(values.iter().zip(expected).all(|(v, e)| (v - e).abs() < 1e-15), "{values:?}");
    }
}
