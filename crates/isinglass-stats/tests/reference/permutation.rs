//! Permutation tests, counted out.

use isinglass_stats::{Draws, PermutationNull, Tail, auroc_delong, mean, permutation_test, sign_flip_test};

use crate::reference::{Reference, Within};

pub fn check(reference: &Reference) {
    let [a, b, differences] = ["a", "b", "differences"].map(|name| reference.floats(&[name]));
    let difference = |a: &[f64], b: &[f64]| mean(a).unwrap() - mean(b).unwrap();
    for (key, tail) in [
        ("p_greater", Tail::Greater),
        ("p_two_sided_abs", Tail::Absolute),
        ("p_two_sided_scipy_doubled", Tail::Doubled),
    ] {
        let test = permutation_test(&a, &b, "difference of means", difference, tail, Draws::Exact).unwrap();
        reference.check(&["observed"], test.estimate.value(), Within::Closed);
        reference.check(&["n_splits"], test.null.n_resamples() as f64, Within::Closed);
        reference.check(&[key], test.estimate.p().unwrap().value(), Within::Closed);
    }
    for (key, tail) in [("p_greater", Tail::Greater), ("p_two_sided_abs", Tail::Absolute)] {
        let mean = |values: &[f64]| mean(values).unwrap();
        let test = sign_flip_test(&differences, "mean difference", mean, tail, Draws::Exact).unwrap();
        reference.check(&["sign_flip", "observed"], test.estimate.value(), Within::Closed);
        reference.check(&["sign_flip", key], test.estimate.p().unwrap().value(), Within::Closed);
    }

    let expected = |key| reference.expected(&["monte_carlo_p", key]).as_u64().unwrap() as usize;
    let (as_extreme, n) = (expected("count_as_extreme"), expected("n"));
    let values = (0..n).map(|i| if i < as_extreme { 2.0 } else { -2.0 }).collect();
    let null = PermutationNull::from_values(values, "counted").unwrap();
    let estimate = auroc_delong(&[1.0, 2.0], &[false, true]).unwrap().with_permutation(&null);
    reference.check(&["monte_carlo_p", "p_add_one"], estimate.p().unwrap().value(), Within::Closed);
}
