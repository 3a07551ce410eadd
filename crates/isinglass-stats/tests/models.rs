//! Linear models on a made-up study of 47 rows, against statsmodels 0.15 and the definition of the likelihood.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]
#![allow(unreachable_pub, reason = "shared with another test")]

use isinglass_stats::{
    Design, Effect, Likelihood, RandomEffects, StandardErrors, SumsOfSquares, anova_two_way, mixed_model, ols,
    theil_sen,
};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, Normal};

#[path = "reference/dense.rs"]
mod dense;

use dense::Dense;

const N: usize = 47;

/// `a = 7i mod 13`, `b = (5i mod 11) / 4`, and groups `i² mod 23`, of which there are 12.
struct Study {
    a: Vec<f64>,
    b: Vec<f64>,
    groups: Vec<u64>,
    y: Vec<f64>,
}

fn study() -> Study {
    let of = |value: fn(usize) -> f64| -> Vec<f64> { (0..N).map(value).collect() };
    let groups: Vec<u64> = (0..N).map(|i| (i * i % 23) as u64).collect();
    let (a, b) = (of(|i| (i * 7 % 13) as f64), of(|i| (i * 5 % 11) as f64 / 4.0));
    let noise = |i: usize| (i * i * 3 % 17) as f64 / 5.0 + groups[i] as f64 / 3.0 * ((i % 4) as f64 - 1.0);
    let y = (0..N).map(|i| 1.0 + 0.3 * a[i] - 0.5 * b[i] + noise(i)).collect();
    Study { a, b, groups, y }
}

fn near(what: &str, got: f64, expected: f64) {
    assert!((got - expected).abs() <= 1e-9 * expected.abs(), "{what}: got {got:e}, expected {expected:e}");
}

#[test]
fn robust_and_clustered_errors() {
    let study = study();
    let design = Design::new().column("a", &study.a).unwrap().column("b", &study.b).unwrap();
    let clustered = StandardErrors::Clustered(&study.groups);
    // Standard errors and p-values of three coefficients, F and its p.
    for (errors, se, p, f, f_p) in [
        (
            StandardErrors::Hc0,
            [1.334_031_371_325_687_3, 0.113_073_672_468_492_47, 0.642_952_047_801_975_9],
            [0.002_292_706_934_303_569, 0.014_885_069_305_894_4, 0.530_615_731_007_430_2],
            3.013_771_300_890_264_5,
            0.059_341_310_402_534_67,
        ),
        (
            StandardErrors::Hc1,
            [1.378_759_866_733_107_1, 0.116_864_899_083_111_8, 0.664_509_470_165_082_3],
            [0.003_172_498_607_027_601, 0.018_464_766_939_424_067, 0.544_034_329_371_093_9],
            2.821_402_919_982_375_6,
            0.070_326_635_469_105_81,
        ),
        (
            StandardErrors::Hc2,
            [1.413_112_656_754_441_2, 0.120_034_310_806_112_92, 0.675_304_167_647_387_4],
            [0.003_992_129_521_559_623, 0.021_793_297_655_456_567, 0.550_490_555_606_300_7],
            2.720_655_021_798_378_5,
            0.076_909_422_281_025_53,
        ),
        (
            StandardErrors::Hc3,
            [1.503_450_522_800_274_6, 0.127_904_159_459_040_18, 0.711_512_544_973_318_5],
            [0.006_813_894_652_876_727_5, 0.031_333_917_068_501_72, 0.570_956_751_214_963_1],
            2.456_558_560_016_489,
            0.097_409_518_443_865_89,
        ),
        (
            clustered,
            [1.710_231_003_995_018_4, 0.081_524_769_931_402_16, 0.580_007_478_792_060_7],
            [0.036_588_167_061_272_17, 0.006_169_402_518_220_295, 0.501_401_408_541_110_8],
            10.587_000_309_532_582,
            0.002_731_378_624_037_867,
        ),
    ] {
        let fit = ols(&design, &study.y, errors).unwrap();
        for (i, coefficient) in fit.coefficients.iter().enumerate() {
            near(&coefficient.name, coefficient.se, se[i]);
            near(&coefficient.name, coefficient.estimate.p().unwrap().value(), p[i]);
        }
        near("F", fit.f.unwrap().f, f);
        near("p of F", fit.f.unwrap().p, f_p);
    }
    // t with 11 degrees of freedom, not with 44.
    let fit = ols(&design, &study.y, clustered).unwrap();
    let interval = fit.coefficient("a").unwrap().estimate.interval().unwrap().clone();
    near("low", interval.low(), 0.095_918_051_559_701_65);
    near("high", interval.high(), 0.454_787_669_157_504);
}

#[test]
fn three_by_four_levels_of_unequal_cells() {
    let study = study();
    let first: Vec<usize> = (0..N).map(|i| i % 3).collect();
    let second: Vec<usize> = (0..N).map(|i| (i * i + i / 5) % 4).collect();
    // Sums of squares and p-values of both factors; what follows is the same for all.
    for (sums, of_first, of_second) in [
        (
            SumsOfSquares::I,
            [23.235_884_567_080_365, 2.0, 0.577_351_177_488_823_7],
            [34.582_632_656_778_68, 3.0, 0.649_087_156_606_280_5],
        ),
        (
            SumsOfSquares::II,
            [18.494_643_470_039_446, 2.0, 0.644_931_325_995_011_2],
            [34.582_632_656_778_74, 3.0, 0.649_087_156_606_279_6],
        ),
        (
            SumsOfSquares::III,
            [4.807_989_818_897_684, 2.0, 0.891_289_476_477_410_6],
            [43.039_479_724_281_96, 3.0, 0.564_827_880_274_125_8],
        ),
    ] {
        let table = anova_two_way(&study.y, &first, &second, sums).unwrap();
        let check = |what: &str, effect: &Effect, [ss, df, p]: [f64; 3]| {
            near(what, effect.ss, ss);
            near(what, effect.df, df);
            near(what, effect.partial_eta2.p().unwrap().value(), p);
        };
        check("first", &table.a, of_first);
        check("second", &table.b, of_second);
        check("interaction", &table.interaction, [123.312_676_949_703_05, 6.0, 0.448_881_265_302_825_8]);
        near("residual", table.residual_ss, 728.702_431_712_963_2);
        assert_eq!((table.cells.len(), table.residual_df as usize), (12, 35));
        assert_eq!(table.cells.iter().map(|cell| cell.mean.n()).sum::<usize>(), N);
        if let Some(intercept) = &table.intercept {
            check("intercept", intercept, [1_292.835_655_308_875_6, 1.0, 2.901_848_675_569_197_3e-09]);
        }
    }
}

#[test]
fn the_rank_interval_of_a_slope_with_ties() {
    let study = study();
    let rounded: Vec<f64> = study.y.iter().map(|y| (y * 10.0).round_ties_even() / 10.0).collect();
    let line = theil_sen(&study.a, &rounded).unwrap();
    near("slope", line.slope.value(), 0.3);
    near("intercept", line.intercept, 2.7);
    let interval = line.slope.interval().unwrap();
    near("low", interval.low(), 0.1);
    near("high", interval.high(), 4.0 / 7.0);
}

#[test]
fn mixed_models_of_unequal_groups_reach_the_greatest_likelihood() {
    let study = study();
    let (a, b) = (&study.a, &study.b);
    // Groups that differ in level and in slope by more than chance does.
    let own = |i: usize| (study.groups[i] * 7 % 11) as f64 / 4.0 - (study.groups[i] * 5 % 13) as f64 / 30.0 * a[i];
    let y: Vec<f64> = (0..N).map(|i| (i * i * 3 % 17) as f64 / 12.0 + 0.2 * a[i] + own(i)).collect();
    // Far from 0 and on another scale, as a year or a token count would be.
    let moved: Vec<f64> = a.iter().map(|a| 2000.0 + 50.0 * a).collect();
    let mut fits = Vec::new();
    for column in [a, &moved] {
        let design = Design::new().column("a", column).unwrap().column("b", b).unwrap();
        let columns = vec![vec![1.0; N], column.clone(), b.clone()];
        for likelihood in [Likelihood::Ml, Likelihood::Reml] {
            for random in [RandomEffects::Intercept, RandomEffects::InterceptAndSlope("a")] {
                let fit = mixed_model(&design, &y, &study.groups, random, likelihood).unwrap();
                assert!(!fit.at_the_edge, "{fit:?}");
                let slope = (random != RandomEffects::Intercept).then_some(&column[..]);
                let dense = Dense { y: &y, columns: columns.clone(), groups: &study.groups, slope, likelihood };
                // Differences of the likelihood by one variance at a time see nothing where level and slope are all but
                // one: there the fit is held to the one on the other scale, below.
                if column == a {
                    dense.assert_greatest(&fit);
                }
                fits.push(fit);
            }
        }
    }
    let (plain, moved) = fits.split_at(4);
    for (plain, moved) in plain.iter().zip(moved) {
        let slope = |fit: &isinglass_stats::MixedFit| fit.coefficient("a").unwrap().clone();
        let close = |got: f64, expected: f64| assert!((got / expected - 1.0).abs() < 1e-7, "{got} {expected}");
        close(50.0 * slope(moved).estimate.value(), slope(plain).estimate.value());
        close(slope(moved).statistic, slope(plain).statistic);
        close(moved.residual_variance, plain.residual_variance);
        if let ([.., plain], [.., moved], 4) =
            (&plain.random_covariance[..], &moved.random_covariance[..], plain.random_covariance.len())
        {
            close(2500.0 * moved, *plain);
        }
    }
}

#[test]
fn mixed_models_of_random_studies_converge_and_cover_the_truth() {
    let n_studies = 1000;
    let (mut covered, mut at_the_edge) = (0, 0);
    for seed in 0..n_studies {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut normal = || Normal::standard().inverse_cdf(rng.random_range(1e-12..1.0 - 1e-12));
        // From no random effects at all to ones larger than the noise.
        let sd = [0.0, 0.1, 0.5, 2.0][seed as usize % 4];
        let (mut turn, mut y, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        for group in 0..40 {
            let (level, slope) = (sd * normal(), 0.3 * sd * normal());
            for row in 0..3 + group % 3 {
                turn.push(row as f64);
                y.push(1.0 + level + (0.2 + slope) * row as f64 + normal());
                groups.push(group);
            }
        }
        let design = Design::new().column("turn", &turn).unwrap();
        let random = RandomEffects::InterceptAndSlope("turn");
        let fit = mixed_model(&design, &y, &groups, random, Likelihood::Reml).unwrap();
        let interval = fit.coefficient("turn").unwrap().estimate.interval().unwrap().clone();
        covered += u64::from(interval.low() <= 0.2 && 0.2 <= interval.high());
        assert!(sd < 1.0 || !fit.at_the_edge, "{fit:?}");
        at_the_edge += u64::from(fit.at_the_edge);
        let intercept = mixed_model(&design, &y, &groups, RandomEffects::Intercept, Likelihood::Ml).unwrap();
        assert!(intercept.iterations < 30 && fit.iterations < 60, "{} {}", intercept.iterations, fit.iterations);
    }
    let share = covered as f64 / n_studies as f64;
    assert!((0.93..=0.97).contains(&share), "{share}");
    // Most where there are no random effects or hardly any, and none where they are large.
    assert!((250..600).contains(&at_the_edge), "{at_the_edge}");
}
