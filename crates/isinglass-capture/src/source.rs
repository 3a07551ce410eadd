//! Batches of rows from a store.

use std::collections::VecDeque;

use isinglass_core::burn::tensor::TensorData;
use isinglass_core::{ActivationSource, Device, SiteId, SourceError, Tensor};
use rayon::prelude::*;

use crate::error::StoreError;
use crate::shuffle::Shuffle;
use crate::store::Store;

/// Rows of one site of a store, batch after batch; made by [`Store::source`].
///
/// Memory is what a few batches take, however large the store is and in whatever order the rows come.
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use isinglass_capture::Store;
/// use isinglass_core::{ActivationSource, device, site::resid_post};
/// let store = Store::open("out/acts")?;
/// let mut source = store.source(resid_post(12), &device("cpu")?)?.batch_rows(4096).shuffled(7);
/// let batch = source.next_batch()?; // [4096, width]
/// // To go on later exactly here, keep the number of rows that were given:
/// let position = source.position();
/// let again = store.source(resid_post(12), &device("cpu")?)?.batch_rows(4096).shuffled(7).starting_at(position);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct StoreSource<'s> {
    store: &'s Store,
    site: SiteId,
    /// The site's number in the manifest.
    index: usize,
    device: Device,
    batch_rows: usize,
    shuffle: Option<Shuffle>,
    next: u64,
    /// Batches that were read together with the last one: sorted, the rows of several are nearer each other on disk.
    ahead: VecDeque<Vec<f32>>,
}

/// Batches read together at most, and the bytes of values that they may have.
const MOST_AHEAD: usize = 4;
const MOST_BYTES: usize = 32 << 20;

impl<'s> StoreSource<'s> {
    pub(crate) fn new(store: &'s Store, site: SiteId, index: usize, device: &Device) -> Self {
        Self {
            store,
            site,
            index,
            device: device.clone(),
            batch_rows: 4096,
            shuffle: None,
            next: 0,
            ahead: VecDeque::new(),
        }
    }

    /// Gives so many rows at a time, 4096 otherwise; the last batch may have fewer.
    #[must_use]
    pub fn batch_rows(mut self, n: usize) -> Self {
        self.batch_rows = n.max(1);
        self.ahead.clear();
        self
    }

    /// Gives all rows of the store in a random order that belongs to the seed; another seed is another epoch.
    #[must_use]
    pub fn shuffled(mut self, seed: u64) -> Self {
        self.shuffle = (!self.store.is_empty()).then(|| Shuffle::new(self.store.len(), seed));
        self.ahead.clear();
        self
    }

    /// Leaves out the first rows of the order: goes on where another source was at this [`position`](Self::position).
    #[must_use]
    pub fn starting_at(mut self, position: u64) -> Self {
        self.next = position;
        self.ahead.clear();
        self
    }

    /// How many rows of the order were given.
    pub const fn position(&self) -> u64 {
        self.next
    }

    /// Number of rows in all.
    pub fn len(&self) -> u64 {
        self.store.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.store.is_empty()
    }

    /// The numbers of the next rows, by which [`Store::origins`] knows them.
    pub fn next_rows(&self) -> Vec<u64> {
        self.rows_from(self.next)
    }

    /// The numbers of the rows of a batch that begins at a place of the order.
    fn rows_from(&self, place: u64) -> Vec<u64> {
        let n = self.store.len().saturating_sub(place).min(self.batch_rows as u64) as usize;
        let places = (0..n).into_par_iter().with_min_len(512).map(|i| place + i as u64);
        places.map(|place| self.shuffle.map_or(place, |shuffle| shuffle.at(place))).collect()
    }

    /// The values of the next batch, none at the end.
    fn values(&mut self) -> Result<Option<Vec<f32>>, StoreError> {
        if self.ahead.is_empty() {
            let bytes = self.batch_rows.saturating_mul(self.store.width(self.index) * size_of::<f32>());
            let n = (MOST_BYTES / bytes.max(1)).clamp(1, MOST_AHEAD) as u64;
            let from = |i| self.rows_from(self.next.saturating_add(i * self.batch_rows as u64));
            let batches: Vec<Vec<u64>> = (0..n).map(from).take_while(|rows| !rows.is_empty()).collect();
            // Should one of the later ones be damaged, those before it are still given.
            let read = self.store.read(self.index, &batches);
            self.ahead = read.or_else(|_| self.store.read(self.index, &batches[..1.min(batches.len())]))?.into();
        }
        Ok(self.ahead.pop_front())
    }
}

impl ActivationSource for StoreSource<'_> {
    fn width(&self) -> usize {
        self.store.width(self.index)
    }

    fn next_batch(&mut self) -> Result<Option<Tensor<2>>, SourceError> {
        let values = self.values().map_err(|e| SourceError::Unavailable { site: self.site, source: Box::new(e) })?;
        let Some(values) = values else { return Ok(None) };
        let width = self.width();
        let n = values.len() / width;
        self.next += n as u64;
        let data = TensorData::new(values, [n, width]);
        Ok(Some(Tensor::from_data(data, &self.device)))
    }
}
