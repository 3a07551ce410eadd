//! The largest elements of each row, without sorting it.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::Cpu;
use crate::threads::{Pieces, shared};
use crate::views::{PARALLEL, View, flex, restored, wrapped};
use crate::wide::wide;

/// Elements that are looked at together: most of a row is skipped at this pace.
const LANES: usize = 32;

/// The bits of a number in the order of [`f32::total_cmp`].
#[inline(always)]
fn key(x: f32) -> i32 {
    let bits = x.to_bits().cast_signed();
    bits ^ ((bits >> 31).cast_unsigned() >> 1).cast_signed()
}

/// A number and where it stands as one integer that is the smaller, the earlier it comes: by falling key, then by place.
#[inline(always)]
fn order(x: f32, place: usize) -> u64 {
    let falling = !(key(x) ^ i32::MIN).cast_unsigned();
    u64::from(falling) << 32 | place as u64
}

/// The key in an [`order`].
fn key_of(order: u64) -> i32 {
    !((order >> 32) as u32).cast_signed() ^ i32::MIN
}

/// The number and the place in an [`order`].
fn number_of(order: u64) -> (f32, i32) {
    let key = key_of(order);
    let bits = key ^ ((key >> 31).cast_unsigned() >> 1).cast_signed();
    (f32::from_bits(bits.cast_unsigned()), order as u32 as i32)
}

/// Drops all but the first `k`, in any order; gives back the key of the last of them.
fn cut(kept: &mut Vec<u64>, k: usize) -> i32 {
    let (_, last, _) = kept.select_nth_unstable(k - 1);
    let last = key_of(*last);
    kept.truncate(k);
    last
}

/// The first `k` of a row in order, for `0 < k ≤ row.len()`.
///
/// Numbers that may still be among them are kept until there are twice as many as needed; then the better half stays, and
/// its last one is what a later number has to exceed. Of a row in random order few do: whole groups are passed over.
fn first(row: &[f32], k: usize, kept: &mut Vec<u64>) {
    let room = (2 * k).max(k + 64).min(row.len());
    let (head, rest) = row.split_at(room);
    kept.clear();
    kept.extend(head.iter().enumerate().map(|(place, x)| order(*x, place)));
    let mut least = cut(kept, k);
    wide(
        #[inline(always)]
        || {
            for (n, group) in rest.chunks(LANES).enumerate() {
                let exceeding = |x: &f32| key(*x) > least;
                let any = match group.first_chunk::<LANES>() {
                    Some(group) => group.iter().fold(false, |any, x| any | exceeding(x)),
                    None => true,
                };
                if !any {
                    continue;
                }
                let start = room + n * LANES;
                let places = group.iter().enumerate().filter(|(_, x)| exceeding(x));
                kept.extend(places.map(|(i, x)| order(*x, start + i)));
                if kept.len() >= room {
                    least = cut(kept, k);
                }
            }
        },
    );
    cut(kept, k);
    kept.sort_unstable();
}

/// The `n`-th line over the last axis.
fn line<const R: usize>(x: &View<R>, mut n: usize) -> &[f32] {
    let mut index = [0; R];
    for axis in (0..R - 1).rev() {
        index[axis] = n % x.shape[axis];
        n /= x.shape[axis];
    }
    &x.storage()[x.at(index)..][..x.shape[R - 1]]
}

impl Cpu {
    /// A view whose last axis lies in one piece, copied only where it does not.
    fn in_lines<const R: usize>(self, x: Tensor<R>) -> View<R> {
        let tensor = flex(x);
        let strides = tensor.layout().strides();
        let whole = strides[R - 1] == 1 && strides.iter().all(|stride| *stride >= 0);
        let x = wrapped(tensor);
        View::new(if whole { x } else { self.contiguous(x) })
    }

    /// The `k` largest elements of each last axis, the largest first, and where they stand: `topk_with_indices` of plain
    /// Burn. Of equal ones that of lower index comes first, which Burn leaves open.
    ///
    /// The order is that of [`f32::total_cmp`], as it is in Burn's sort: 0 is larger than −0, NaN is larger than +∞, and
    /// NaN with its sign set smaller than −∞.
    ///
    /// # Shapes
    /// `[…, width]` to `[…, k]`, twice
    ///
    /// # Panics
    /// If `k` exceeds the width.
    pub fn top_k<const R: usize>(self, x: Tensor<R>, k: usize) -> (Tensor<R>, Tensor<R, Int>) {
        let x = self.in_lines(x);
        let width = x.shape[R - 1];
        assert!(k <= width && i32::try_from(width).is_ok(), "{k} of a width of {width}");
        let mut shape = x.shape;
        shape[R - 1] = k;
        let n: usize = shape.iter().product();
        let (mut values, mut places) = (vec![0.0; n], vec![0_i32; n]);
        if n > 0 {
            let rows = n / k;
            let per_job = PARALLEL / 4 / width + 1;
            let (values, places) = (Pieces::of(&mut values), Pieces::of(&mut places));
            shared(rows * width >= PARALLEL, rows.div_ceil(per_job), |job| {
                let mut kept = Vec::new();
                for row in job * per_job..rows.min((job + 1) * per_job) {
                    first(line(&x, row), k, &mut kept);
                    let piece = row * k..(row + 1) * k;
                    #[expect(unsafe_code, reason = "rows are given to several threads")]
                    // SAFETY: rows do not overlap, and each belongs to one job.
                    let (values, places) = unsafe { (values.get(piece.clone()), places.get(piece)) };
                    for ((value, place), order) in values.iter_mut().zip(places).zip(&kept) {
                        (*value, *place) = number_of(*order);
                    }
                }
            });
        }
        // Of the type that Burn's indices have, which may be set for a device.
        let places = Tensor::from_data(TensorData::new(places, shape), &Device::flex());
        (restored(values, shape), places)
    }
}
