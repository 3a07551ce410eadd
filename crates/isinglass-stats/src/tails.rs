//! Tail probabilities and quantiles of the distributions that coefficients are held against.

use crate::bootstrap::LEVEL;
use crate::distribution::{normal_quantile, normal_sf, t_quantile, t_sf};

/// What a coefficient divided by its standard error follows if the true one is 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Null {
    Normal,
    /// Student's t with so many degrees of freedom.
    T(f64),
}

impl Null {
    /// The probability of being at least as far from 0.
    pub(crate) fn two_sided(self, statistic: f64) -> f64 {
        let further = statistic.abs();
        2.0 * match self {
            Self::Normal => normal_sf(further),
            Self::T(df) => t_sf(further, df),
        }
    }

    /// How many standard errors an interval reaches to either side.
    pub(crate) fn reach(self) -> f64 {
        let q = f64::midpoint(1.0, LEVEL);
        match self {
            Self::Normal => normal_quantile(q),
            Self::T(df) => t_quantile(q, df),
        }
    }

    /// How an interval or a p-value names it.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Normal => "normal".to_owned(),
            Self::T(df) => format!("t, {df} degrees of freedom"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "counts and small sums are exact")]
mod tests {
    use super::*;
    use crate::distribution::{chi2_sf, f_sf};

    fn close(got: f64, expected: f64) {
        assert!((got - expected).abs() <= 1e-9 * expected.abs(), "got {got:e}, expected {expected:e}");
    }

    /// Against scipy 1.17.
    #[test]
    fn far_tails_and_many_degrees_of_freedom() {
        close(Null::T(7.0).two_sided(12.0), 6.358_310_378_185_098e-06);
        close(Null::T(38.0).two_sided(0.3), 0.765_812_177_987_806_8);
        close(Null::T(1e6).two_sided(2.1), 0.035_729_090_974_635_06);
        close(Null::T(250.0).two_sided(40.0), 1.201_787_832_658_839_9e-110);
        close(Null::T(5.0).two_sided(0.001), 0.999_240_786_772_197_6);
        close(Null::Normal.two_sided(0.2), 0.841_480_581_121_793_9);
        close(Null::Normal.two_sided(1.96), 0.049_995_790_296_440_87);
        close(Null::Normal.two_sided(9.0), 2.257_176_811_907_664_7e-19);
        close(Null::Normal.two_sided(30.0), 9.813_427_854_295_816e-198);
        close(t_quantile(0.975, 1.0), 12.706_204_736_174_694);
        close(t_quantile(0.975, 4.0), 2.776_445_105_197_793_4);
        close(t_quantile(0.975, 38.0), 2.024_394_163_911_969_4);
        close(t_quantile(0.975, 1e5), 1.959_987_707_534_609_5);
        close(f_sf(5.5, 3.0, 47.0), 0.002_539_063_278_891_518_6);
        close(f_sf(800.0, 2.0, 30.0), 9.418_999_085_591_89e-27);
        close(f_sf(1.2, 4.0, 1e6), 0.308_441_772_729_986_5);
        close(f_sf(0.01, 1.0, 10.0), 0.922_320_718_564_408_2);
        close(chi2_sf(3.0, 2.0), 0.223_130_160_148_429_82);
        close(chi2_sf(120.0, 5.0), 3.138_579_772_755_301_7e-24);
    }
}
