//! The hook that hands over the rows wanted and lets the rest of the activation go.

use isinglass_core::burn::tensor::TensorData;
use isinglass_core::{Device, Hook, Int, Layout, SiteId, SiteSet, Tensor, Visit};

use crate::position::Picks;

/// Hands over the rows of one batch at each wanted site, as soon as they are there: what is not held any longer is
/// added to in place, and its memory is used again.
pub(crate) struct Gather<'s> {
    wanted: &'s SiteSet,
    take: Take,
    index: Option<Vec<usize>>,
    sink: &'s mut Sink<'s>,
}

/// Takes rows of a site `[.., width]`, and which of them are the ones wanted, those of the batch's first text first; all of
/// them in order if `None`.
pub(crate) type Sink<'s> = dyn FnMut(SiteId, &TensorData, Option<&[usize]>) + 's;

/// How rows are taken out of `[batch, pos, width]`.
#[derive(Debug)]
enum Take {
    /// All columns of all rows.
    All,
    /// These of the columns of all rows, one after another: `[rows]`.
    Columns(Tensor<1, Int>),
    /// Means: weights `[batch, means, pos]`, and which of the `batch · means` are wanted, all if `None`.
    Means(Box<Tensor<3>>, Option<Tensor<1, Int>>),
}

impl<'s> Gather<'s> {
    /// `picks` has the rows of each text of the batch; all follow one rule.
    pub(crate) fn new(
        wanted: &'s SiteSet,
        layout: &Layout,
        picks: &[&Picks],
        device: &Device,
        sink: &'s mut Sink<'s>,
    ) -> Self {
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
        let all = layout.rows() * pos;
        let (take, index) = if means.is_empty() && 2 * columns.len() >= all {
            // Picked out when they are copied anyway: another copy, while the pass waits, costs more than what is not wanted.
            (Take::All, Some(columns).filter(|columns| !columns.iter().copied().eq(0..all)))
        } else if means.is_empty() {
            (Take::Columns(index_of(&columns, device)), None)
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
            let wanted = (places.len() < layout.rows() * most).then(|| index_of(&places, device));
            (Take::Means(Box::new(weights), wanted), None)
        };
        Self { wanted, take, index, sink }
    }

    fn keep(&mut self, site: SiteId, x: Tensor<3>) {
        let rows = match &self.take {
            Take::All => chosen(x, None),
            Take::Columns(index) => chosen(x, Some(index)),
            Take::Means(weights, index) => chosen(weights.as_ref().clone().matmul(x), index.as_ref()),
        };
        (self.sink)(site, &rows.into_data(), self.index.as_deref());
    }
}

fn index_of(places: &[usize], device: &Device) -> Tensor<1, Int> {
    let places: Vec<i64> = places.iter().map(|place| *place as i64).collect();
    let n = places.len();
    Tensor::from_data(TensorData::new(places, [n]), device)
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
        let device = x.device();
        if matches!(self.take, Take::All) && device == Device::flex() {
            // Looked at where it is, and given back: on a CPU nothing is copied.
            let data = x.into_data();
            (self.sink)(at.site.id(), &data, self.index.as_deref());
            return Tensor::from_data(data, &device);
        }
        self.keep(at.site.id(), x.clone());
        x
    }
    fn heads(&mut self, at: Visit<'_, 4>, x: Tensor<4>) -> Tensor<4> {
        let [batch, pos, head, width] = x.dims();
        self.keep(at.site.id(), x.clone().reshape([batch, pos, head * width]));
        x
    }
}
