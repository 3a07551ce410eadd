//! Contingency tables and proportions.

use isinglass_stats::{
    Alternative, Estimate, binomial_test, chi_squared_test, fisher_exact, mcnemar, proportion, proportion_exact,
};

use crate::reference::{Reference, Within};

pub fn check(reference: &Reference) {
    let counts = |name| reference.floats(&[name]).into_iter().map(|count| count as u64).collect::<Vec<_>>();
    let p = |estimate: &Estimate| estimate.p().unwrap().value();

    let table = counts("table2x2");
    for (topic, yates) in [("chi2_yates", true), ("chi2_plain", false)] {
        let test = chi_squared_test(&table, 2, yates).unwrap();
        reference.check(&[topic, "chi2"], test.chi2, Within::Closed);
        reference.check(&[topic, "p"], p(&test.cramers_v), Within::Tail);
    }
    let wide = chi_squared_test(&counts("table3x4"), 4, false).unwrap();
    reference.check(&["chi2_3x4", "chi2"], wide.chi2, Within::Closed);
    reference.check(&["chi2_3x4", "df"], wide.df, Within::Closed);
    reference.check(&["chi2_3x4", "p"], p(&wide.cramers_v), Within::Tail);
    reference.check(&["chi2_3x4", "cramers_v"], wide.cramers_v.value(), Within::Closed);

    let [a, b, c, d] = table[..] else { panic!("four counts") };
    let fisher = fisher_exact([[a, b], [c, d]], Alternative::TwoSided).unwrap();
    reference.check(&["fisher", "odds_ratio"], fisher.value(), Within::Closed);
    reference.check(&["fisher", "p"], p(&fisher), Within::Tail);

    let (successes, trials) = (counts("successes")[0], counts("trials")[0]);
    let ends = |estimate: Estimate| estimate.interval().map(|i| [i.low(), i.high()]).unwrap();
    reference.check_all(&["wilson95"], &ends(proportion(successes, trials).unwrap()), Within::Closed);
    // Its ends are quantiles of beta.
    let exact = proportion_exact(successes, trials).unwrap();
    reference.check_all(&["clopper_pearson95"], &ends(exact), Within::Tail);
    let binomial = binomial_test(successes, trials, 0.5, Alternative::TwoSided).unwrap();
    reference.check(&["binomial_test_half"], p(&binomial), Within::Tail);
    reference.check(&["mcnemar_exact_b_c", "b"], b as f64, Within::Closed);
    reference.check(&["mcnemar_exact_b_c", "c"], c as f64, Within::Closed);
    reference.check(&["mcnemar_exact_b_c", "p"], p(&mcnemar(b, c).unwrap()), Within::Tail);
}
