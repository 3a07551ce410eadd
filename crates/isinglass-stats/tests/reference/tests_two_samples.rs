//! Tests of two and of three samples.

use isinglass_stats::{
    Alternative, Estimate, KsNull, RankNull, TTest, brown_forsythe, kolmogorov_smirnov, kruskal_wallis, mann_whitney,
    one_sample_test, one_way_anova, paired_test, shapiro_wilk, student_test, welch_test, wilcoxon,
};

use crate::reference::{Reference, Within};

pub fn check(reference: &Reference) {
    let [a, b, c] = ["a", "b", "c"].map(|name| reference.floats(&[name]));
    let [ties_a, ties_b, ties_c] = ["ties_a", "ties_b", "ties_c"].map(|name| reference.floats(&[name]));
    let two = Alternative::TwoSided;
    let n_pairs = a.len().min(b.len());

    let welch = welch_test(&a, &b, two).unwrap();
    t_test(reference, "welch", &welch);
    let interval = welch.difference.interval().unwrap();
    // Its ends are quantiles of t.
    reference.check_all(&["welch", "ci95"], &[interval.low(), interval.high()], Within::Tail);
    let greater = welch_test(&a, &b, Alternative::Greater).unwrap();
    reference.check(&["welch", "p_greater"], p(&greater.difference), Within::Tail);
    let less = welch_test(&b, &a, Alternative::Less).unwrap();
    reference.check(&["welch", "p_greater"], p(&less.difference), Within::Tail);
    t_test(reference, "student", &student_test(&a, &b, two).unwrap());
    t_test(reference, "paired", &paired_test(&a[..n_pairs], &b[..n_pairs], two).unwrap());
    let one = one_sample_test(&a, 0.0, two).unwrap();
    reference.check(&["one_sample_a_vs_0", "t"], one.t, Within::Closed);
    reference.check(&["one_sample_a_vs_0", "p"], p(&one.difference), Within::Tail);

    let (plain, corrected) = (RankNull::Normal { continuity: false }, RankNull::Normal { continuity: true });
    for (topic, name, [first, second], null) in [
        ("mann_whitney", "p_continuity", [&a[..], &b], corrected),
        ("mann_whitney_ties", "p_continuity", [&ties_a, &ties_b], corrected),
        ("mann_whitney_ties", "p_no_continuity", [&ties_a, &ties_b], plain),
        ("mann_whitney_small_exact", "p", [&a[..6], &b[..7]], RankNull::Exact),
    ] {
        let test = mann_whitney(first, second, two, null).unwrap();
        reference.check(&[topic, "U1"], test.u, Within::Closed);
        reference.check(&[topic, name], p(&test.superiority), Within::Tail);
    }
    let signed = wilcoxon(&a[..n_pairs], &b[..n_pairs], two).unwrap();
    reference.check(&["wilcoxon_paired_normal", "W"], signed.w_plus.min(signed.w_minus), Within::Closed);
    reference.check(&["wilcoxon_paired_normal", "p"], p(&signed.rank_biserial), Within::Tail);

    let anova = one_way_anova(&[&a, &b, &c]).unwrap();
    reference.check(&["anova_one_way_abc", "F"], anova.f, Within::Closed);
    reference.check(&["anova_one_way_abc", "p"], p(&anova.eta_squared), Within::Tail);
    let spread = brown_forsythe(&[&a, &b, &c]).unwrap();
    reference.check(&["levene_median_abc", "W"], spread.f, Within::Closed);
    reference.check(&["levene_median_abc", "p"], p(&spread.eta_squared), Within::Tail);
    let kruskal = kruskal_wallis(&[&ties_a, &ties_b, &ties_c]).unwrap();
    reference.check(&["kruskal_ties_abc", "H"], kruskal.h, Within::Closed);
    reference.check(&["kruskal_ties_abc", "p"], p(&kruskal.epsilon_squared), Within::Tail);

    let ks = kolmogorov_smirnov(&a, &b, KsNull::Asymptotic).unwrap();
    reference.check(&["ks", "D"], ks.value(), Within::Closed);
    reference.check(&["ks", "p_asymptotic"], p(&ks), Within::Tail);
    let shapiro = shapiro_wilk(&a).unwrap();
    reference.check(&["shapiro_a", "W"], shapiro.value(), Within::Closed);
    reference.check(&["shapiro_a", "p"], p(&shapiro), Within::Tail);
}

fn p(estimate: &Estimate) -> f64 {
    estimate.p().unwrap().value()
}

fn t_test(reference: &Reference, topic: &str, test: &TTest) {
    reference.check(&[topic, "t"], test.t, Within::Closed);
    reference.check(&[topic, "df"], test.df, Within::Closed);
    reference.check(&[topic, "p"], p(&test.difference), Within::Tail);
}
