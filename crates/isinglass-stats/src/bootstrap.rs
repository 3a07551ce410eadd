//! Resampling rows, whole groups, or rows within strata.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::bootstrap_interval::{BootstrapDistribution, BootstrapInterval, acceleration_of};
use crate::error::same_length;
use crate::estimate::Interval;
use crate::summary::mean_of;
use crate::{Estimate, StatsError};

/// The level of every interval of this crate.
pub(crate) const LEVEL: f64 = 0.95;

/// Below this, the ends of a 95 % interval would be the extreme resamples themselves.
pub(crate) const LEAST_RESAMPLES: usize = 40;

/// A statistic that has no value for more than this many draws in one has none to speak of.
const MOST_UNDEFINED: usize = 20;

/// What is drawn with replacement: what would be sampled anew if the study were repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resample<'a> {
    /// Rows, of which there are so many: they are independent.
    Rows(usize),
    /// Whole groups, as many as there are, given the group of each row: rows of one group resemble each other.
    /// With fewer than about 20 groups intervals are too narrow.
    Groups(&'a [u64]),
    /// Rows within each stratum, as many as it has, given the stratum of each row: a repeated study would have the same
    /// number in each.
    Strata(&'a [u64]),
    /// Whole groups within each stratum, as many as it has, given the group and the stratum of each row: two samples that a
    /// repeated study would each draw anew. A group number names another group in another stratum.
    GroupsWithin {
        /// The group of each row.
        groups: &'a [u64],
        /// The stratum of each row.
        strata: &'a [u64],
    },
}

/// How often to resample, from which seed, and which interval to make of it.
///
/// With 2000 resamples, another seed moves each end of a 95 % interval by about 2 % of its width.
///
/// ```
/// use isinglass_stats::{Bootstrap, BootstrapInterval};
///
/// let bootstrap = Bootstrap::resamples(2000).seed(7).interval(BootstrapInterval::Bca);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bootstrap {
    n_resamples: usize,
    seed: u64,
    interval: BootstrapInterval,
}

impl Bootstrap {
    /// This many resamples; at least 40, and 2000 is usual.
    pub fn resamples(n_resamples: usize) -> Self {
        Self { n_resamples, seed: 0, interval: BootstrapInterval::Percentile }
    }

    /// The seed; 0 unless set.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The kind of interval; percentile unless set.
    #[must_use]
    pub fn interval(mut self, interval: BootstrapInterval) -> Self {
        self.interval = interval;
        self
    }

    /// Any statistic of rows with its bootstrap interval: `statistic` gets the indices of the rows drawn.
    ///
    /// `name` says what the statistic is.
    /// A draw for which it has no value (`None`) is drawn again.
    /// No interval if its ends coincide, or if [`BootstrapInterval::Bca`] has none.
    /// For BCa, the statistic is also computed without each unit that can be drawn; in strata the influences count as
    /// in Davison and Hinkley (1997), equation 5.28.
    ///
    /// Resampling knows the rows alone: it cannot see values that were not sampled, so the extremes of a distribution
    /// have no bootstrap interval, and neither has a mean of few rows of a very skewed one.
    ///
    /// # Errors
    ///
    /// [`StatsError::TooFewResamples`]; [`StatsError::Empty`]; [`StatsError::TooFew`] or [`StatsError::TooFewGroups`]
    /// if there is only one thing to draw; [`StatsError::NotANumber`] or [`StatsError::OutOfRange`] if a value is not
    /// finite; [`StatsError::Undefined`] if the statistic has no value for the rows themselves, for nearly all draws,
    /// or, for BCa, without one of the units.
    ///
    /// ```
    /// use isinglass_stats::{Bootstrap, Resample};
    ///
    /// let lengths = [12.0, 30.0, 19.0, 22.0, 18.0, 41.0, 25.0, 24.0];
    /// let mean = |rows: &[usize]| Some(rows.iter().map(|&row| lengths[row]).sum::<f64>() / rows.len() as f64);
    /// let estimate = Bootstrap::resamples(2000).seed(7).estimate(Resample::Rows(8), "mean length", mean)?;
    /// assert_eq!(estimate.value(), 23.875);
    /// assert!(estimate.interval().is_some_and(|i| 15.0 < i.low() && i.high() < 32.0));
    /// # Ok::<(), isinglass_stats::StatsError>(())
    /// ```
    pub fn estimate(
        self,
        units: Resample<'_>,
        name: &str,
        statistic: impl Fn(&[usize]) -> Option<f64>,
    ) -> Result<Estimate, StatsError> {
        let Self { n_resamples, seed, interval } = self;
        if n_resamples < LEAST_RESAMPLES {
            return Err(StatsError::TooFewResamples { got: n_resamples, least: LEAST_RESAMPLES });
        }
        let strata = Stratum::all(units)?;
        let n_rows = match units {
            Resample::Rows(n) => n,
            Resample::Groups(labels) | Resample::Strata(labels) => labels.len(),
            Resample::GroupsWithin { groups, .. } => groups.len(),
        };
        let all: Vec<usize> = (0..n_rows).collect();
        let undefined = StatsError::Undefined { n_undefined: 1, n_drawn: 1 };
        let value = statistic(&all).ok_or(undefined)?;

        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut values = Vec::with_capacity(n_resamples);
        let mut rows = Vec::with_capacity(n_rows);
        let mut n_drawn = 0;
        while values.len() < n_resamples {
            if n_drawn >= MOST_UNDEFINED * (values.len() + 100) {
                return Err(StatsError::Undefined { n_undefined: n_drawn - values.len(), n_drawn });
            }
            rows.clear();
            for stratum in &strata {
                stratum.draw(&mut rng, &mut rows);
            }
            n_drawn += 1;
            values.extend(statistic(&rows));
        }

        let of_units = match units {
            Resample::Rows(n) => format!("{n} rows"),
            Resample::Groups(_) => format!("{} groups", strata[0].units.len()),
            Resample::Strata(_) => format!("{n_rows} rows within {} strata", strata.len()),
            Resample::GroupsWithin { .. } => {
                let n_groups: usize = strata.iter().map(|stratum| stratum.units.len()).sum();
                format!("{n_groups} groups within {} strata", strata.len())
            }
        };
        let how = format!(" over {of_units}, {n_resamples} resamples, seed {seed}");
        let distribution = BootstrapDistribution::described(value, values, how)?;
        let interval: Option<Interval> = match interval {
            BootstrapInterval::Percentile => distribution.percentile(),
            BootstrapInterval::Basic => distribution.basic(),
            BootstrapInterval::Normal => distribution.normal(),
            BootstrapInterval::Bca => match acceleration_of(&influences(&strata, n_rows, statistic)?) {
                Ok(acceleration) => distribution.bca(acceleration),
                // No unit changes the statistic by itself.
                Err(_) => None,
            },
        };
        Ok(Estimate::new(value, interval, n_rows, name))
    }
}

impl Bootstrap {
    /// The interval of a statistic that gets how often each row was drawn, whole groups at a time.
    pub(crate) fn over_groups(
        self,
        groups: &[u64],
        statistic: impl Fn(&[u64]) -> Option<f64>,
    ) -> Result<Option<Interval>, StatsError> {
        let estimate = self.estimate(Resample::Groups(groups), "over groups", |rows| {
            let mut times = vec![0; groups.len()];
            for &row in rows {
                times[row] += 1;
            }
            statistic(&times)
        })?;
        Ok(estimate.interval().cloned())
    }
}

/// Units of which as many are drawn as there are.
struct Stratum {
    /// The rows of each unit.
    units: Vec<Vec<usize>>,
}

impl Stratum {
    fn all(units: Resample<'_>) -> Result<Vec<Self>, StatsError> {
        let one_each = |rows: Vec<usize>| Self { units: rows.into_iter().map(|row| vec![row]).collect() };
        let too_few = |got| Err(StatsError::TooFew { what: "rows", got, least: 2, statistic: "a bootstrap" });
        match units {
            Resample::Rows(0) => Err(StatsError::Empty { what: "rows" }),
            Resample::Groups([]) => Err(StatsError::Empty { what: "groups" }),
            Resample::Strata([]) => Err(StatsError::Empty { what: "strata" }),
            Resample::Rows(1) => too_few(1),
            Resample::Rows(n) => Ok(vec![one_each((0..n).collect())]),
            Resample::Groups(groups) => {
                let units = in_order_of_appearance(groups);
                if units.len() < 2 {
                    return Err(StatsError::TooFewGroups { n_groups: units.len() });
                }
                Ok(vec![Self { units }])
            }
            Resample::Strata(strata) => {
                let strata: Vec<Self> = in_order_of_appearance(strata).into_iter().map(one_each).collect();
                if strata.iter().all(|stratum| stratum.units.len() < 2) {
                    return too_few(1);
                }
                Ok(strata)
            }
            Resample::GroupsWithin { groups, strata } => {
                same_length(("strata", strata.len()), ("groups", groups.len()))?;
                let whole = |rows: Vec<usize>| {
                    let of_rows: Vec<u64> = rows.iter().map(|&row| groups[row]).collect();
                    let units = in_order_of_appearance(&of_rows).into_iter();
                    Self { units: units.map(|unit| unit.into_iter().map(|i| rows[i]).collect()).collect() }
                };
                let strata: Vec<Self> = in_order_of_appearance(strata).into_iter().map(whole).collect();
                match strata.iter().map(|stratum| stratum.units.len()).min() {
                    None => Err(StatsError::Empty { what: "groups" }),
                    Some(n_groups) if n_groups < 2 => Err(StatsError::TooFewGroups { n_groups }),
                    Some(_) => Ok(strata),
                }
            }
        }
    }

    fn draw(&self, rng: &mut ChaCha8Rng, rows: &mut Vec<usize>) {
        for _ in 0..self.units.len() {
            rows.extend(&self.units[rng.random_range(0..self.units.len())]);
        }
    }
}

/// The rows of each label.
fn in_order_of_appearance(labels: &[u64]) -> Vec<Vec<usize>> {
    let mut index_of: BTreeMap<u64, usize> = BTreeMap::new();
    let mut rows_of: Vec<Vec<usize>> = Vec::new();
    for (row, &label) in labels.iter().enumerate() {
        let index = *index_of.entry(label).or_insert(rows_of.len());
        if index == rows_of.len() {
            rows_of.push(Vec::new());
        }
        rows_of[index].push(row);
    }
    rows_of
}

/// By how much the statistic changes without each unit, against the mean of its stratum and weighed by its size.
fn influences(
    strata: &[Stratum],
    n_rows: usize,
    statistic: impl Fn(&[usize]) -> Option<f64>,
) -> Result<Vec<f64>, StatsError> {
    let mut influences = Vec::new();
    for Stratum { units } in strata.iter().filter(|stratum| stratum.units.len() > 1) {
        let mut without = Vec::with_capacity(units.len());
        for (i, unit) in units.iter().enumerate() {
            let mut kept = vec![true; n_rows];
            for &row in unit {
                kept[row] = false;
            }
            let rows: Vec<usize> = (0..n_rows).filter(|&row| kept[row]).collect();
            let undefined = StatsError::Undefined { n_undefined: 1, n_drawn: i + 1 };
            without.push(statistic(&rows).ok_or(undefined)?);
        }
        crate::error::finite("value without one unit", &without)?;
        let mean = mean_of(&without);
        let weight = (units.len() - 1) as f64 / units.len() as f64;
        influences.extend(without.iter().map(|value| weight * (mean - value)));
    }
    Ok(influences)
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "counts and small sums are exact")]
mod tests {
    use super::*;

    fn times(rows: &[usize], n: usize) -> Vec<usize> {
        (0..n).map(|row| rows.iter().filter(|&&drawn| drawn == row).count()).collect()
    }

    #[test]
    fn whole_groups_are_drawn_as_many_as_there_are() {
        let all_seen = std::cell::Cell::new(0);
        let estimate = Bootstrap::resamples(200).seed(3).estimate(Resample::Groups(&[4, 4, 4, 9, 9, 1]), "t", |rows| {
            let times = times(rows, 6);
            assert!(times[0] == times[1] && times[1] == times[2] && times[3] == times[4]);
            assert_eq!(times[0] + times[3] + times[5], 3);
            all_seen.set(all_seen.get() + 1);
            Some(times[0] as f64)
        });
        // Once for the rows themselves.
        assert_eq!(all_seen.get(), 201);
        // A group is drawn 0 to 3 times, all four of them likely enough to reach the ends.
        let estimate = estimate.unwrap();
        let interval = estimate.interval().unwrap();
        assert_eq!((estimate.value(), interval.low(), interval.level()), (1.0, 0.0, 0.95));
        assert!(interval.high() >= 2.0);
        assert_eq!(interval.method(), "percentile bootstrap over 3 groups, 200 resamples, seed 3");
    }

    #[test]
    fn strata_keep_their_sizes_and_rows_do_not() {
        let strata = [1, 1, 1, 6, 6];
        let method = |units, statistic: &dyn Fn(&[usize]) -> Option<f64>| {
            let estimate = Bootstrap::resamples(100).estimate(units, "t", statistic).unwrap();
            estimate.interval().map(|interval| interval.method().to_owned())
        };
        let first = |rows: &[usize]| Some(rows.iter().filter(|&&row| row < 3).count() as f64);
        assert_eq!(method(Resample::Strata(&strata), &first), None);
        let rows = method(Resample::Rows(5), &first);
        assert_eq!(rows.as_deref(), Some("percentile bootstrap over 5 rows, 100 resamples, seed 0"));
        let zeros = |rows: &[usize]| Some(times(rows, 5)[0] as f64);
        let within = method(Resample::Strata(&strata), &zeros);
        assert_eq!(within.as_deref(), Some("percentile bootstrap over 5 rows within 2 strata, 100 resamples, seed 0"));
    }

    #[test]
    fn groups_of_each_stratum_are_drawn_whole() {
        // Group 1 of stratum 5 is not group 1 of stratum 8.
        let (groups, strata) = ([1, 1, 2, 1, 3, 3], [5, 5, 5, 8, 8, 8]);
        let units = Resample::GroupsWithin { groups: &groups, strata: &strata };
        let statistic = |rows: &[usize]| {
            let times = times(rows, 6);
            assert!(times[0] == times[1] && times[0] + times[2] == 2);
            assert!(times[4] == times[5] && times[3] + times[4] == 2);
            Some((times[0] * times[3]) as f64)
        };
        let estimate = Bootstrap::resamples(200).estimate(units, "t", statistic).unwrap();
        let interval = estimate.interval().unwrap();
        assert_eq!((interval.low(), interval.high()), (0.0, 4.0));
        assert_eq!(interval.method(), "percentile bootstrap over 4 groups within 2 strata, 200 resamples, seed 0");
        let one = Resample::GroupsWithin { groups: &[1, 2, 3], strata: &[5, 5, 8] };
        let refused = Bootstrap::resamples(40).estimate(one, "t", |_| Some(0.0)).unwrap_err();
        assert_eq!(refused, StatsError::TooFewGroups { n_groups: 1 });
    }

    #[test]
    fn influences_of_strata_are_weighed_and_those_of_one_are_the_jackknife() {
        let x = [1.0, 2.0, 6.0];
        let mean = |rows: &[usize]| Some(rows.iter().map(|&row| x[row]).sum::<f64>() / rows.len() as f64);
        let found = |units| acceleration_of(&influences(&Stratum::all(units).unwrap(), 3, mean).unwrap()).unwrap();
        let plain = crate::acceleration(&[4.0, 3.5, 1.5]).unwrap();
        assert!((found(Resample::Rows(3)) - plain).abs() < 1e-15);
        assert!((found(Resample::Groups(&[3, 2, 9])) - plain).abs() < 1e-15);
        // Two rows are symmetric around their mean, and one alone cannot change.
        assert!(found(Resample::Strata(&[1, 1, 2])).abs() < 1e-15);
        let bca = Bootstrap::resamples(100).interval(BootstrapInterval::Bca);
        let interval = bca.estimate(Resample::Rows(3), "mean", mean).unwrap();
        assert_eq!(interval.interval().unwrap().method(), "BCa bootstrap over 3 rows, 100 resamples, seed 0");
    }

    #[test]
    fn undefined_resamples_are_drawn_again_and_a_constant_has_no_interval() {
        let half = |rows: &[usize]| (times(rows, 2)[0] == 1).then_some(0.5);
        let constant = Bootstrap::resamples(100).estimate(Resample::Groups(&[1, 2]), "half", half).unwrap();
        assert_eq!((constant.value(), constant.interval()), (0.5, None));
        // Nothing to compute without one of the two.
        let bca = Bootstrap::resamples(100).interval(BootstrapInterval::Bca);
        let undefined = bca.estimate(Resample::Groups(&[1, 2]), "half", half);
        assert_eq!(undefined, Err(StatsError::Undefined { n_undefined: 1, n_drawn: 1 }));
        // Defined for the rows themselves and hardly ever else.
        let hardly = |rows: &[usize]| times(rows, 30).iter().all(|&t| t == 1).then_some(0.5);
        let undefined = Bootstrap::resamples(100).estimate(Resample::Rows(30), "hardly", hardly);
        assert_eq!(undefined, Err(StatsError::Undefined { n_undefined: 2000, n_drawn: 2000 }));
        let never = Bootstrap::resamples(100).estimate(Resample::Rows(30), "never", |_| None);
        assert_eq!(never, Err(StatsError::Undefined { n_undefined: 1, n_drawn: 1 }));
    }

    #[test]
    fn too_little_to_resample_is_refused() {
        let check = |n, units| Bootstrap::resamples(n).estimate(units, "t", |_| Some(0.0)).unwrap_err();
        assert_eq!(check(39, Resample::Rows(9)), StatsError::TooFewResamples { got: 39, least: 40 });
        assert_eq!(check(40, Resample::Groups(&[5, 5])), StatsError::TooFewGroups { n_groups: 1 });
        assert!(matches!(check(40, Resample::Rows(1)), StatsError::TooFew { .. }));
        assert!(matches!(check(40, Resample::Strata(&[1, 2, 3])), StatsError::TooFew { .. }));
        assert_eq!(check(40, Resample::Rows(0)), StatsError::Empty { what: "rows" });
        let nan = Bootstrap::resamples(40).estimate(Resample::Rows(3), "t", |_| Some(f64::NAN));
        assert!(matches!(nan, Err(StatsError::NotANumber { .. })));
    }
}
