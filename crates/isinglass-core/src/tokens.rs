//! Batches of token ids: the one owner of padding, positions and masks.

use std::ops::Range;

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

/// Why a batch could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// There are no rows.
    #[error("a batch needs at least one row of tokens")]
    NoRows,
    /// A row has no tokens.
    #[error("row {row} is empty: a prompt needs at least one token")]
    EmptyRow {
        /// Index of the row.
        row: usize,
    },
    /// A text has no tokens.
    #[error("a text needs at least one token")]
    NoTokens,
    /// A span reaches past its text.
    #[error("span `{name}` is tokens {start} to {end} of a text that has {len}")]
    SpanOutside {
        /// The span's name.
        name: String,
        /// Its first token.
        start: usize,
        /// The token after its last.
        end: usize,
        /// Tokens of the text.
        len: usize,
    },
}

/// Which side of a short row is padded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Padding {
    Left,
    Right,
}

/// Where the tokens of a batch lie: which columns of which row are real, and at which positions.
///
/// A pass computes `width` columns after `past` earlier ones (which a KV cache holds).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    width: usize,
    past: usize,
    /// Columns with real tokens, counted from the first column ever computed.
    spans: Vec<Range<usize>>,
}

impl Layout {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.spans.len()
    }

    /// Number of columns in this pass.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Number of columns that earlier passes computed.
    pub const fn past(&self) -> usize {
        self.past
    }

    /// Number of real tokens of a row so far, this pass included.
    pub fn len(&self, row: usize) -> usize {
        self.spans[row].len()
    }

    /// Whether a row has no token at all; never true of a batch that was accepted.
    pub fn is_empty(&self, row: usize) -> bool {
        self.spans[row].is_empty()
    }

    /// Columns of this pass that hold real tokens of a row; empty for a row that has ended.
    pub fn columns(&self, row: usize) -> Range<usize> {
        let span = &self.spans[row];
        let clamp = |column: usize| column.saturating_sub(self.past).min(self.width);
        clamp(span.start)..clamp(span.end)
    }

    /// Position in its sequence of the token in a column of this pass, counted from 0.
    pub fn position(&self, row: usize, column: usize) -> usize {
        (self.past + column).saturating_sub(self.spans[row].start)
    }

    /// Column of this pass that holds a row's token at `position`, if it is in this pass.
    pub fn column(&self, row: usize, position: usize) -> Option<usize> {
        let column = (self.spans[row].start + position).checked_sub(self.past)?;
        self.columns(row).contains(&column).then_some(column)
    }

    /// Column of this pass with a row's last token, if the row has one in this pass.
    pub fn last_column(&self, row: usize) -> Option<usize> {
        let columns = self.columns(row);
        (!columns.is_empty()).then(|| columns.end - 1)
    }

    /// Whether every row starts at the same column, so that positions and masks are the same for all.
    pub fn is_aligned(&self) -> bool {
        self.spans.iter().all(|s| s.start == self.spans[0].start)
    }

    /// Position of every column, row after row: one row if the batch is aligned, else `rows()` of them.
    ///
    /// Columns of padding get position 0.
    pub fn positions(&self) -> Vec<usize> {
        (0..self.mask_rows()).flat_map(|row| (0..self.width).map(move |c| self.position(row, c))).collect()
    }

    /// Where attention may not look: true at `[row, 0, query, key]` if the query must not see the key.
    ///
    /// What each query sees is [`seen`](Self::seen). `None` if nothing is hidden. Its first axis is 1 if the batch is
    /// aligned.
    ///
    /// # Shapes
    /// `[1 or batch, 1, query, key]`
    pub fn mask(&self, window: Option<usize>, device: &Device) -> Option<Tensor<4, Bool>> {
        let keys = self.past + self.width;
        let window = window.unwrap_or(keys);
        if self.width == 1 && keys <= window && self.spans.iter().all(|s| s.start == 0) {
            return None;
        }
        let seen = self.seen(Some(window));
        let rows = seen.len() / self.width;
        let hidden: Vec<bool> = seen.iter().flat_map(|seen| (0..keys).map(|key| !seen.contains(&key))).collect();
        let data = TensorData::new(hidden, [rows, 1, self.width, keys]);
        Some(Tensor::from_data(data, device))
    }

    /// The columns of keys that each query sees, those of earlier passes counted first: `[1 or batch, pos]` in row-major
    /// order, never none.
    ///
    /// A query sees the real tokens of its row up to itself, at most `window` of them, itself included; a column of
    /// padding sees only itself, so that its softmax is finite. One row serves all if the batch is aligned.
    pub fn seen(&self, window: Option<usize>) -> Vec<Range<usize>> {
        let window = window.unwrap_or(usize::MAX);
        let of = |start: usize, query: usize| {
            if query < start { query..query + 1 } else { start.max((query + 1).saturating_sub(window))..query + 1 }
        };
        let queries = self.past..self.past + self.width;
        self.spans[..self.mask_rows()].iter().flat_map(|s| queries.clone().map(move |q| of(s.start, q))).collect()
    }

    fn mask_rows(&self) -> usize {
        if self.is_aligned() { 1 } else { self.rows() }
    }
}

/// Rows of token ids, padded to one width.
///
/// Padding never changes a result: padded columns are hidden from attention and positions count real tokens only.
/// ```
/// use isinglass_core::TokenBatch;
/// let batch = TokenBatch::new([vec![5, 6, 7], vec![8]])?.left_padded();
/// assert_eq!(batch.layout().width(), 3);
/// assert_eq!(batch.layout().columns(1), 2..3);
/// assert_eq!(batch.layout().position(1, 2), 0);
/// # Ok::<(), isinglass_core::BatchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenBatch {
    ids: Vec<u32>,
    layout: Layout,
}

/// Any id will do in a padded column: attention never sees it. 0 is in every vocabulary.
const PAD: u32 = 0;

impl TokenBatch {
    /// A batch of these rows, the short ones padded on the right.
    ///
    /// # Errors
    /// [`BatchError`] if there is no row or a row has no token.
    pub fn new(rows: impl IntoIterator<Item = Vec<u32>>) -> Result<Self, BatchError> {
        let rows: Vec<Vec<u32>> = rows.into_iter().collect();
        if rows.is_empty() {
            return Err(BatchError::NoRows);
        }
        if let Some(row) = rows.iter().position(Vec::is_empty) {
            return Err(BatchError::EmptyRow { row });
        }
        Ok(Self::padded(&rows, Padding::Right))
    }

    /// A batch of one row.
    ///
    /// # Errors
    /// [`BatchError::EmptyRow`] if it has no token.
    pub fn one(ids: impl Into<Vec<u32>>) -> Result<Self, BatchError> {
        Self::new([ids.into()])
    }

    fn padded(rows: &[Vec<u32>], padding: Padding) -> Self {
        let width = rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut ids = Vec::with_capacity(rows.len() * width);
        let mut spans = Vec::with_capacity(rows.len());
        for row in rows {
            let pad = std::iter::repeat_n(PAD, width - row.len());
            match padding {
                Padding::Left => {
                    ids.extend(pad);
                    ids.extend(row);
                    spans.push(width - row.len()..width);
                }
                Padding::Right => {
                    ids.extend(row);
                    ids.extend(pad);
                    spans.push(0..row.len());
                }
            }
        }
        Self { ids, layout: Layout { width, past: 0, spans } }
    }

    /// The same rows, the short ones padded on the left: what generation needs.
    #[must_use]
    pub fn left_padded(&self) -> Self {
        let rows: Vec<_> = (0..self.layout.rows()).map(|r| self.row(r).to_vec()).collect();
        Self::padded(&rows, Padding::Left)
    }

    /// Each row `n` times, one after the other; no row at all if `n` is 0.
    #[must_use]
    pub(crate) fn repeated(&self, n: usize) -> Self {
        let rows: Vec<_> = (0..self.layout.rows()).flat_map(|r| std::iter::repeat_n(self.row(r).to_vec(), n)).collect();
        Self::padded(&rows, Padding::Right)
    }

    /// Where the tokens lie.
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Real token ids of a row in this pass.
    pub fn row(&self, row: usize) -> &[u32] {
        let columns = self.layout.columns(row);
        let start = row * self.layout.width;
        &self.ids[start + columns.start..start + columns.end]
    }

    /// The ids, padding included.
    ///
    /// # Shapes
    /// `[batch, pos]`
    pub fn ids(&self, device: &Device) -> Tensor<2, Int> {
        let ids: Vec<i64> = self.ids.iter().map(|&id| i64::from(id)).collect();
        Tensor::from_data(TensorData::new(ids, [self.layout.rows(), self.layout.width]), device)
    }

    /// The pass after this one: a token for each row, `None` for a row that has ended.
    ///
    /// Call it on a batch that is padded on the left (or not at all), so that every row ends at the last column.
    #[must_use]
    pub(crate) fn next(&self, tokens: &[Option<u32>]) -> Self {
        let past = self.layout.past + self.layout.width;
        let grow = |(span, token): (&Range<usize>, &Option<u32>)| match token {
            Some(_) => span.start..past + 1,
            None => span.clone(),
        };
        let spans = self.layout.spans.iter().zip(tokens).map(grow).collect();
        Self { ids: tokens.iter().map(|t| t.unwrap_or(PAD)).collect(), layout: Layout { width: 1, past, spans } }
    }

    /// A pass after `past` columns that every row shares: these columns of each continuation, which may be none of a
    /// short one.
    pub(crate) fn after(past: usize, continuations: &[&[u32]], columns: Range<usize>) -> Self {
        let width = columns.len();
        let mut ids = Vec::with_capacity(continuations.len() * width);
        let mut spans = Vec::with_capacity(continuations.len());
        for row in continuations {
            ids.extend(columns.clone().map(|c| row.get(c).copied().unwrap_or(PAD)));
            spans.push(0..past + row.len().min(columns.end));
        }
        Self { ids, layout: Layout { width, past: past + columns.start, spans } }
    }

    /// This pass and the one after it as one pass over all columns: for models without a cache.
    pub(crate) fn joined(&self, next: &Self) -> Self {
        let (width, rows) = (self.layout.width, self.layout.rows());
        let ids = (0..rows).flat_map(|r| self.ids[r * width..(r + 1) * width].iter().chain(&next.ids[r..=r])).copied();
        Self { ids: ids.collect(), layout: Layout { width: width + 1, past: 0, spans: next.layout.spans.clone() } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ragged() -> TokenBatch {
        TokenBatch::new([vec![1, 2, 3], vec![4]]).unwrap()
    }

    fn hidden(batch: &TokenBatch) -> Vec<bool> {
        batch.layout.mask(None, &Device::flex()).unwrap().into_data().iter::<bool>().collect()
    }

    #[test]
    fn right_padding_keeps_tokens_first() {
        let batch = ragged();
        assert_eq!((batch.row(0), batch.row(1)), (&[1, 2, 3][..], &[4][..]));
        assert_eq!(batch.ids, [1, 2, 3, 4, PAD, PAD]);
        assert_eq!(batch.layout.last_column(1), Some(0));
        assert_eq!(batch.layout.positions(), [0, 1, 2]);
    }

    #[test]
    fn left_padding_ends_at_the_last_column() {
        let batch = ragged().left_padded();
        assert_eq!(batch.ids, [1, 2, 3, PAD, PAD, 4]);
        assert_eq!(batch.layout.last_column(1), Some(2));
        assert_eq!(batch.layout.positions(), [0, 1, 2, 0, 0, 0]);
        assert_eq!((batch.layout.column(1, 0), batch.layout.column(1, 1)), (Some(2), None));
    }

    #[test]
    fn a_query_sees_the_real_tokens_up_to_itself() {
        let (o, x) = (false, true);
        assert_eq!(hidden(&ragged()), [o, x, x, o, o, x, o, o, o]);
        let left = [o, x, x, o, o, x, o, o, o, o, x, x, x, o, x, x, x, o];
        assert_eq!(hidden(&ragged().left_padded()), left);
    }

    #[test]
    fn the_next_pass_continues_positions_and_skips_ended_rows() {
        let next = ragged().left_padded().next(&[None, Some(9)]);
        assert_eq!((next.layout.past(), next.layout.width()), (3, 1));
        assert_eq!((next.layout.columns(0), next.layout.columns(1)), (0..0, 0..1));
        assert_eq!(next.layout.position(1, 0), 1);
        assert_eq!(hidden(&next), [false, false, false, false, true, true, false, false]);
        let joined = ragged().left_padded().joined(&next);
        assert_eq!(joined.ids, [1, 2, 3, PAD, PAD, PAD, 4, 9]);
        assert_eq!(joined.row(0), [1, 2, 3]);
    }

    #[test]
    fn a_window_hides_what_is_further_back() {
        let batch = TokenBatch::one([1, 2, 3, 4]).unwrap();
        let hidden = |window| -> Vec<bool> {
            batch.layout.mask(Some(window), &Device::flex()).unwrap().into_data().iter::<bool>().collect()
        };
        let (o, x) = (false, true);
        assert_eq!(hidden(2), [o, x, x, x, o, o, x, x, x, o, o, x, x, x, o, o]);
        assert_eq!(hidden(4), hidden(9));
        let next = batch.next(&[Some(5)]);
        assert!(next.layout.mask(Some(5), &Device::flex()).is_none());
        assert!(next.layout.mask(Some(4), &Device::flex()).is_some());
    }

    #[test]
    fn one_aligned_column_hides_nothing() {
        let next = TokenBatch::one([1, 2]).unwrap().next(&[Some(3)]);
        assert!(next.layout.mask(None, &Device::flex()).is_none());
    }

    #[test]
    fn continuations_of_a_shared_prefix_end_where_they_end() {
        let rows: [&[u32]; 3] = [&[5, 6, 7], &[8], &[]];
        let whole = TokenBatch::after(4, &rows, 0..3);
        assert_eq!(whole.ids, [5, 6, 7, 8, PAD, PAD, PAD, PAD, PAD]);
        assert_eq!([0, 1, 2].map(|r| whole.layout.columns(r)), [0..3, 0..1, 0..0]);
        assert_eq!((whole.layout.past(), whole.layout.len(1), whole.layout.position(0, 2)), (4, 5, 6));
        let rest = TokenBatch::after(4, &rows, 1..3);
        assert_eq!((rest.row(0), rest.row(1), rest.layout.past()), (&[6, 7][..], &[][..], 5));
        assert_eq!(rest.layout.positions(), [5, 6]);
    }

    #[test]
    fn repeated_rows_stay_together() {
        let batch = ragged().repeated(2);
        assert_eq!([0, 1, 2, 3].map(|r| batch.row(r).len()), [3, 3, 1, 1]);
    }

    #[test]
    fn empty_batches_are_refused() {
        assert_eq!(TokenBatch::new([]).unwrap_err(), BatchError::NoRows);
        assert_eq!(TokenBatch::new([vec![1], vec![]]).unwrap_err(), BatchError::EmptyRow { row: 1 });
    }
}
