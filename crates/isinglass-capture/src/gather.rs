//! The hook that keeps the rows wanted and lets the rest of the activation go.

use std::collections::BTreeMap;

use isinglass_core::burn::tensor::TensorData;
use isinglass_core::{Device, Hook, Int, Layout, SiteId, SiteSet, Tensor, Visit};

use crate::position::Picks;

/// Rows of one batch at each wanted site, those of its first text first.
#[derive(Debug)]
pub(crate) struct Gather<'s> {
    wanted: &'s SiteSet,
    take: Take,
    pub(crate) rows: BTreeMap<SiteId, Tensor<2>>,
}

/// How rows are taken out of `[batch, pos, width]`.
#[derive(Debug)]
enum Take {
    /// These of the columns of all rows, one after another: `[rows]`; all of them if `None`.
    Columns(Option<Tensor<1, Int>>),
    /// Means: weights `[batch, means, pos]`, and which of the `batch · means` are wanted, all if `None`.
    Means(Box<Tensor<3>>, Option<Tensor<1, Int>>),
}

impl<'s> Gather<'s> {
    /// `picks` has the rows of each text of the batch; all follow one rule.
    pub(crate) fn new(wanted: &'s SiteSet, layout: &Layout, picks: &[&Picks], device: &Device) -> Self {
        let pos = layout.width();
        let column = |row: usize, position: &usize| layout.column(row, *position);
        let mut columns = Vec::new();
        let mut means: Vec<(usize, Vec<usize>)> = Vec::new();
        for (row, picks) in picks.iter().enumerate() {
            match picks {
                Picks::At(positions) => {
                    columns.extend(positions.iter().filter_map(|p| Some(row * pos + column(row, p)?)));
                }
                Picks::MeanOver(rows) => {
                    means.extend(rows.iter().map(|over| (row, over.iter().filter_map(|p| column(row, p)).collect())));
                }
            }
        }
        let take = if means.is_empty() {
            Take::Columns(selected(columns, layout.rows() * pos, device))
        } else {
            let most = picks.iter().map(|p| p.len()).max().unwrap_or(1);
            let mut weights = vec![0.0; layout.rows() * most * pos];
            let mut places = Vec::with_capacity(means.len());
            for (row, over) in &means {
                let place = places.last().map_or(row * most, |last: &usize| (last + 1).max(row * most));
                for column in over {
                    weights[place * pos + column] = 1.0 / over.len() as f32;
                }
                places.push(place);
            }
            let weights = Tensor::from_data(TensorData::new(weights, [layout.rows(), most, pos]), device);
            Take::Means(Box::new(weights), selected(places, layout.rows() * most, device))
        };
        Self { wanted, take, rows: BTreeMap::new() }
    }

    fn keep(&mut self, site: SiteId, x: Tensor<3>) {
        let rows = match &self.take {
            Take::Columns(index) => chosen(x, index.as_ref()),
            Take::Means(weights, index) => chosen(weights.as_ref().clone().matmul(x), index.as_ref()),
        };
        self.rows.insert(site, rows);
    }
}

/// The index of a selection; `None` if it is everything in order.
fn selected(index: Vec<usize>, of: usize, device: &Device) -> Option<Tensor<1, Int>> {
    if index.iter().copied().eq(0..of) {
        return None;
    }
    let n = index.len();
    let index: Vec<i64> = index.into_iter().map(|i| i as i64).collect();
    Some(Tensor::from_data(TensorData::new(index, [n]), device))
}

fn chosen(x: Tensor<3>, index: Option<&Tensor<1, Int>>) -> Tensor<2> {
    let [batch, pos, width] = x.dims();
    let rows = x.reshape([batch * pos, width]);
    match index {
        Some(index) => rows.select(0, index.clone()),
        None => rows,
    }
}

impl Hook for Gather<'_> {
    fn sites(&self) -> SiteSet {
        self.wanted.clone()
    }
    fn wants(&self, site: SiteId) -> bool {
        self.wanted.contains(site)
    }
    fn stream(&mut self, at: Visit<'_, 3>, x: Tensor<3>) -> Tensor<3> {
        self.keep(at.site.id(), x.clone());
        x
    }
    fn heads(&mut self, at: Visit<'_, 4>, x: Tensor<4>) -> Tensor<4> {
        let [batch, pos, head, width] = x.dims();
        self.keep(at.site.id(), x.clone().reshape([batch, pos, head * width]));
        x
    }
}
