//! Adding a direction to the stream.

use isinglass_core::burn::tensor::TensorData;
use isinglass_core::{Direction, Hook, Layout, Site, SiteId, SiteSet, Tensor, Visit};

/// Which tokens are steered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum At {
    /// All of them.
    Every,
    /// Those at this position and after it, counted from 0 in each text.
    From(usize),
}

/// Adds `alpha` times a direction to the activation at its site.
///
/// ```
/// use isinglass_core::{Direction, Generate, Sampler, device, site::resid_post};
/// use isinglass_model::Model;
/// use isinglass_steer::{At, Steer};
///
/// let model = Model::load("tiny", &device("cpu")?)?;
/// let direction = Direction { site: resid_post(2).id(), vector: vec![0.1; 32], how: "by hand".into() };
/// let prompt = model.tokenize(["once upon"])?;
/// let steered = model.generate(&prompt, &Sampler::greedy(8), Steer::add(&direction, 4.0)?.at(At::From(3)))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Steer {
    site: Site<3>,
    vector: Vec<f32>,
    at: At,
}

/// A direction at a site that is not of the form `[batch, pos, width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "site `{site}` is not `[batch, pos, width]`: steer at a site of the stream, for instance `blocks.0.hook_resid_post`"
)]
pub struct NotAStream {
    /// The site.
    pub site: SiteId,
}

impl Steer {
    /// `x + alpha · vector` at every token; `alpha` is in units of the vector's length.
    ///
    /// A vector of another width than the site's is refused when the model runs.
    ///
    /// # Errors
    /// [`NotAStream`] if the direction's site has heads.
    pub fn add(direction: &Direction, alpha: f64) -> Result<Self, NotAStream> {
        let site = direction.site.stream().ok_or(NotAStream { site: direction.site })?;
        let vector = direction.vector.iter().map(|v| (f64::from(*v) * alpha) as f32).collect();
        Ok(Self { site, vector, at: At::Every })
    }

    /// Only these tokens.
    #[must_use]
    pub const fn at(mut self, at: At) -> Self {
        self.at = at;
        self
    }
}

impl Hook for Steer {
    fn sites(&self) -> SiteSet {
        self.site.into()
    }
    fn wants(&self, site: SiteId) -> bool {
        self.site.id() == site
    }
    fn stream(&mut self, at: Visit<'_, 3>, x: Tensor<3>) -> Tensor<3> {
        let [batch, pos, width] = x.dims();
        let n = self.vector.len();
        let vector = Tensor::<3>::from_data(TensorData::new(self.vector.clone(), [1, 1, n]), &x.device());
        if n != width {
            // The run reports the shape as an error.
            return vector.expand([batch, pos, n]);
        }
        match self.at {
            At::Every => x + vector,
            At::From(first) => {
                let chosen = chosen(at.layout, first);
                let chosen = Tensor::<3>::from_data(TensorData::new(chosen, [batch, pos, 1]), &x.device());
                x + chosen * vector
            }
        }
    }
}

/// 1 for each column whose token is at `first` or after, else 0.
fn chosen(layout: &Layout, first: usize) -> Vec<f32> {
    let one = |row: usize, column: usize| {
        let hit = layout.columns(row).contains(&column) && layout.position(row, column) >= first;
        f32::from(u8::from(hit))
    };
    (0..layout.rows()).flat_map(|row| (0..layout.width()).map(move |c| one(row, c))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use isinglass_core::TokenBatch;
    use isinglass_core::site::{resid_post, z};

    #[test]
    fn only_tokens_from_a_position_are_chosen() {
        let batch = TokenBatch::new([vec![1, 2, 3], vec![4, 5]]).unwrap();
        assert_eq!(chosen(batch.layout(), 1), [0.0, 1.0, 1.0, 0.0, 1.0, 0.0]);
        assert_eq!(chosen(batch.left_padded().layout(), 1), [0.0, 1.0, 1.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn alpha_scales_the_vector_and_heads_are_refused() {
        let direction = |site| Direction { site, vector: vec![1.0, -2.0], how: String::new() };
        assert_eq!(Steer::add(&direction(resid_post(0).id()), 0.5).unwrap().vector, [0.5, -1.0]);
        assert_eq!(Steer::add(&direction(z(0).id()), 0.5), Err(NotAStream { site: z(0).id() }));
    }
}
