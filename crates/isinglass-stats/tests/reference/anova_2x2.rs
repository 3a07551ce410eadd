//! Analysis of variance with two factors.

use isinglass_stats::{Effect, SumsOfSquares, anova_two_way};

use crate::reference::{Reference, Within};

pub fn check(reference: &Reference) {
    for design in ["balanced", "unbalanced"] {
        let y = reference.floats(&[design, "y"]);
        let [a, b] = ["interrupt", "polite"].map(|name| reference.indices(&[design, name]));
        for (name, sums) in [("type1", SumsOfSquares::I), ("type2", SumsOfSquares::II), ("type3", SumsOfSquares::III)] {
            let table = anova_two_way(&y, &a, &b, sums).unwrap();
            let effect = |effect_name: &str, effect: &Effect| {
                let check = |key, got, within| reference.check(&[design, name, effect_name, key], got, within);
                check("ss", effect.ss, Within::Closed);
                check("df", effect.df, Within::Closed);
                check("F", effect.f, Within::Closed);
                check("p", effect.partial_eta2.p().unwrap().value(), Within::Tail);
                check("partial_eta2", effect.partial_eta2.value(), Within::Closed);
            };
            if let Some(intercept) = &table.intercept {
                effect("intercept", intercept);
            }
            effect("interrupt", &table.a);
            effect("polite", &table.b);
            effect("interaction", &table.interaction);
            reference.check(&[design, name, "residual", "ss"], table.residual_ss, Within::Closed);
            reference.check(&[design, name, "residual", "df"], table.residual_df, Within::Closed);
            let means: Vec<f64> = table.cells.iter().map(|cell| cell.mean.value()).collect();
            reference.check_all(&[design, "cell_means"], &means, Within::Closed);
        }
    }
}
