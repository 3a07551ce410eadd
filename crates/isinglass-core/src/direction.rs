//! A direction in activation space: what probes give and steering takes.

use serde::{Deserialize, Serialize};

use crate::site::SiteId;

/// A vector at a site, with where it came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Direction {
    /// The site whose activations it was found in.
    pub site: SiteId,
    /// The vector, in the units of the activations.
    pub vector: Vec<f32>,
    /// How it was found, for reports.
    pub how: String,
}

impl Direction {
    /// Euclidean length.
    pub fn norm(&self) -> f64 {
        self.vector.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt()
    }

    /// The same direction with length 1; a zero vector stays zero.
    #[must_use]
    pub fn unit(mut self) -> Self {
        let norm = self.norm();
        if norm > 0.0 {
            self.vector.iter_mut().for_each(|v| *v = (f64::from(*v) / norm) as f32);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_has_length_one_and_zero_stays_zero() {
        let site = crate::site::resid_post(0).id();
        let make = |vector| Direction { site, vector, how: String::new() };
        assert_eq!(make(vec![3.0, 4.0]).unit().vector, [0.6, 0.8]);
        assert_eq!(make(vec![0.0, 0.0]).unit().vector, [0.0, 0.0]);
    }
}
