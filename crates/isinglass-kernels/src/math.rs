//! Exponentials and what is made of them, without branches, so that a loop over them is vectorised.
//!
//! Each is within a few units in the last place of the exact value (by test, against f64) over all floats, infinities
//! included; NaN stays NaN.

/// `e^x`: 0 below −87.34 (where the result would be denormal), infinity above 88.73.
///
/// `x = n ln 2 + r` with `|r| ≤ ln 2 / 2`, and a polynomial of degree 6 in `r` (Cephes, Moshier 1989).
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding 1.5 · 2^23 rounds to the nearest whole number, and leaves it in the last bits: a cast to an integer, which
    // must saturate, is done one by one.
    const ROUND: f32 = 12_582_912.0;
    let clamped = x.clamp(-87.336_54, 88.722_83);
    let rounded = clamped.mul_add(std::f32::consts::LOG2_E, ROUND);
    let whole = (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let n = rounded - ROUND;
    // ln 2 in two parts, the first exact in few bits.
    let r = n.mul_add(-0.693_359_4, clamped);
    let r = n.mul_add(2.121_944_4e-4, r);
    let p = 1.987_569_1e-4_f32;
    let p = p.mul_add(r, 1.398_199_9e-3);
    let p = p.mul_add(r, 8.333_452e-3);
    let p = p.mul_add(r, 4.166_579_6e-2);
    let p = p.mul_add(r, 0.166_666_65);
    let p = p.mul_add(r, 0.5);
    let p = p.mul_add(r * r, r + 1.0);
    // 2^n in two factors: n goes up to 128, whose power is no float.
    let half = whole >> 1;
    let power = |n: i32| f32::from_bits((n.wrapping_add(127) << 23) as u32);
    let y = p * power(half) * power(whole.wrapping_sub(half));
    let y = if x < -87.336_54 { 0.0 } else { y };
    let y = if x > 88.722_83 { f32::INFINITY } else { y };
    if x.is_nan() { x } else { y }
}

/// `1 / (1 + e^−x)`.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Hyperbolic tangent: a polynomial near 0 (Cephes), elsewhere by the exponential.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let (magnitude, square) = (x.abs(), x * x);
    let p = -5.704_988_7e-3_f32;
    let p = p.mul_add(square, 2.063_908_8e-2);
    let p = p.mul_add(square, -5.373_971_6e-2);
    let p = p.mul_add(square, 0.133_314_42);
    let p = p.mul_add(square, -0.333_332_8);
    let near = (p * square).mul_add(x, x);
    let far = (1.0 - 2.0 / (exp(2.0 * magnitude) + 1.0)).copysign(x);
    if magnitude < 0.625 { near } else { far }
}

/// The error function: a polynomial near 0, elsewhere `1 − e^−p` with a polynomial `p` (Juffa 2018).
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
    let (t, s) = (x.abs(), x * x);
    let near = (-5.967_617e-4_f32).mul_add(s, 4.991_194_2e-3);
    let near = near.mul_add(s, -2.676_813_5e-2);
    let near = near.mul_add(s, 0.112_819_925);
    let near = near.mul_add(s, -0.376_125_34);
    let near = near.mul_add(s, 0.128_379_17).mul_add(x, x);
    let high = (-1.728_534_7e-5_f32).mul_add(t, 3.831_971_3e-4);
    let low = (-3.883_964_4e-3_f32).mul_add(t, 2.425_462_2e-2);
    let far = high.mul_add(s, low);
    let far = far.mul_add(t, -0.106_777_88);
    let far = far.mul_add(t, -0.634_846_7);
    let far = far.mul_add(t, -0.128_717_51);
    let far = (1.0 - exp(far.mul_add(t, -t))).copysign(x);
    // Far out the polynomial turns round.
    let far = if t > 4.0 { 1.0_f32.copysign(x) } else { far };
    let y = if t < 0.927_734_4 { near } else { far };
    if x.is_nan() { x } else { y }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every 4097th float, the special ones, and the edges.
    fn floats() -> impl Iterator<Item = f32> {
        let edges =
            [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE, 1e-45, 0.625, 88.722_83, -87.336_54];
        (0..=u32::MAX).step_by(4097).map(f32::from_bits).filter(|x| !x.is_nan()).chain(edges)
    }

    /// The greatest error, in units of 2^−23 of the exact value; denormal results count as 0.
    fn worst(ours: fn(f32) -> f32, exact: fn(f64) -> f64) -> f64 {
        let mut worst = 0.0_f64;
        for x in floats() {
            let (y, e) = (f64::from(ours(x)), exact(f64::from(x)));
            if e.abs() < f64::from(f32::MIN_POSITIVE) {
                assert!(y.abs() <= 2.0 * f64::from(f32::MIN_POSITIVE), "{x}: {y}");
            } else if e.abs() > f64::from(f32::MAX) {
                assert!(y.abs() >= f64::from(f32::MAX) * 0.999, "{x}: {y}");
            } else {
                let error = (y - e).abs() / e.abs() * f64::from(1 << 23);
                assert!(error.is_finite(), "{x}: {y} for {e}");
                worst = worst.max(error);
            }
        }
        assert!(ours(f32::NAN).is_nan());
        worst
    }

    #[test]
    fn errors_are_a_few_units_in_the_last_place() {
        let sigmoid_exact = |x: f64| 1.0 / (1.0 + (-x).exp());
        for (name, worst, bound) in [
            ("exp", worst(exp, f64::exp), 2.0),
            ("sigmoid", worst(sigmoid, sigmoid_exact), 4.0),
            ("tanh", worst(tanh, f64::tanh), 4.0),
            ("erf", worst(erf, statrs::function::erf::erf), 4.0),
        ] {
            println!("{name}: {worst:.2} units");
            assert!(worst <= bound, "{name}: {worst}");
        }
    }
}
