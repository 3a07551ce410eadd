//! From values to places along an axis, and to what stands beside it.

use crate::LinePlot;

/// Even distances for equal differences, or for doublings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    log: bool,
}

impl Scale {
    pub(super) const LINEAR: Self = Self { log: false };

    pub(super) fn of(plot: &LinePlot) -> Self {
        Self { log: plot.log_axes }
    }

    /// Where a value lies along an axis; on a logarithmic one, as a power of two.
    pub(super) fn at(self, value: f64) -> f64 {
        if self.log { value.log2() } else { value }
    }

    /// Where the axis begins and ends; a logarithmic one does so beyond a power of two, so that it has ticks.
    pub(super) fn range(self, [low, high]: [f64; 2], margin: f64) -> [f64; 2] {
        let ends = if self.log { [self.at(low).floor(), self.at(high).ceil()] } else { [low, high] };
        widened(ends, margin)
    }

    /// How many ticks an axis of this span gets at most: a logarithmic one has none between powers of two.
    pub(super) fn ticks(self, span: f64, most: usize) -> usize {
        if self.log { most.min(span.floor() as usize + 1) } else { most }
    }

    /// What stands beside a place on the upright axis.
    pub(super) fn y_tick(self, at: f64, span: f64) -> String {
        if self.log { power_of_two(at) } else { tick(at, span) }
    }

    /// What stands below a place on the level axis.
    pub(super) fn x_tick(self, at: f64, span: f64, whole: bool) -> String {
        if self.log { power_of_two(at) } else { x_tick(at, span, whole) }
    }
}

/// The power of two at a whole exponent, nothing between.
fn power_of_two(exponent: f64) -> String {
    if (exponent - exponent.round()).abs() > 1e-6 {
        return String::new();
    }
    let value = exponent.round().exp2();
    if (1e-4..1e7).contains(&value) { value.to_string() } else { format!("{value:.1e}") }
}

/// A range with a margin on both sides, which also gives a single value a width.
fn widened([low, high]: [f64; 2], share: f64) -> [f64; 2] {
    let margin = if low < high { (high - low) * share } else { low.abs().mul_add(0.05, 0.5) };
    [low - margin, high + margin]
}

/// A number beside an axis of this span, with as many decimals as tell neighbours apart.
pub(super) fn tick(value: f64, span: f64) -> String {
    let decimals = (1.0 - span.log10().floor()).clamp(0.0, 12.0) as usize;
    let shown = format!("{value:.decimals$}");
    // Ticks are sums of steps, and the one at zero may come out as -0.00.
    if shown.trim_start_matches(['-', '0', '.']).is_empty() { shown.replace('-', "") } else { shown }
}

/// A number below the axis; whole numbers, such as layers, have no ticks between them.
fn x_tick(value: f64, span: f64, whole: bool) -> String {
    if whole && (value - value.round()).abs() > 1e-6 {
        return String::new();
    }
    let shown = tick(value, span);
    if shown.contains('.') { shown.trim_end_matches('0').trim_end_matches('.').to_owned() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logarithmic_axis_has_its_ticks_at_powers_of_two() {
        let scale = Scale { log: true };
        let whole = |values: [f64; 2]| values.map(|value| (value * 100.0) as i32);
        assert_eq!(whole([scale.at(64.0), scale.at(0.25)]), [600, -200]);
        assert_eq!(whole(scale.range([100.0, 120.0], 0.0)), [600, 700]);
        assert_eq!(whole(scale.range([0.3, 8.0], 0.0)), [-200, 300]);
        assert_eq!([scale.ticks(1.04, 8), scale.ticks(12.0, 8)], [2, 8]);
        let ticks = [6.0, 5.5, -2.0, 1e-9, 30.0, -20.0].map(|at| scale.y_tick(at, 9.0));
        assert_eq!(ticks, ["64", "", "0.25", "1", "1.1e9", "9.5e-7"]);
    }

    #[test]
    fn ticks_have_the_decimals_they_need() {
        assert_eq!([tick(0.600_000_000_1, 0.5), tick(0.4, 1.0), tick(30.0, 60.0)], ["0.60", "0.4", "30"]);
        assert_eq!([tick(-0.000_000_1, 0.5), tick(-0.1, 0.5)], ["0.00", "-0.10"]);
        let x = [x_tick(12.0, 8.0, true), x_tick(2.5, 8.0, true), x_tick(2.5, 3.0, false), x_tick(2e-5, 1e-4, false)];
        assert_eq!(x, ["12", "", "2.5", "0.00002"]);
        assert_eq!([x_tick(10.0, 60.0, true), x_tick(0.0, 0.5, false)], ["10", "0"]);
    }

    #[test]
    fn a_single_value_gets_a_range() {
        for value in [0.0, -3.0, 1e17] {
            let [low, high] = widened([value; 2], 0.0);
            assert!(low < value && value < high, "{low} {value} {high}");
        }
    }
}
