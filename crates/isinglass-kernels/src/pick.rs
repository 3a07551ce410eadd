//! Elements and rows picked by index.

use burn::backend::flex::{Flex, FlexTensor};
use burn::tensor::{DType, Int, IntDType, Tensor};

use crate::Cpu;
use crate::copy::{Axis, Blank, Walk, line, written};
use crate::views::{PARALLEL, flex, restored};

/// A number that says which.
trait Index: Copy + Sync {
    /// More than there can be of anything where it is negative.
    fn which(self) -> usize;
}

impl Index for i32 {
    #[inline(always)]
    fn which(self) -> usize {
        usize::try_from(self).unwrap_or(usize::MAX)
    }
}

impl Index for i64 {
    #[inline(always)]
    fn which(self) -> usize {
        usize::try_from(self).unwrap_or(usize::MAX)
    }
}

impl Index for usize {
    #[inline(always)]
    fn which(self) -> usize {
        self
    }
}

/// Indices in row-major order, of 32 bits as Burn makes them by itself, or of 64.
fn packed<const R: usize>(indices: Tensor<R, Int>) -> FlexTensor {
    let primitive = |x: Tensor<R, Int>| match x.try_into_primitive::<Flex>() {
        Ok(tensor) => tensor.to_contiguous(),
        Err(_) => unreachable!("indices are on the device of what they index"),
    };
    match indices.dtype() {
        DType::I32 | DType::I64 => primitive(indices),
        _ => primitive(indices.cast(IntDType::I64)),
    }
}

/// Calls a function with arguments and packed indices.
macro_rules! with_indices {
    ($indices:expr, $call:ident($($argument:expr),*)) => {
        match $indices.dtype() {
            DType::I32 => $call($($argument),*, $indices.storage::<i32>()),
            _ => $call($($argument),*, $indices.storage::<i64>()),
        }
    };
}

/// A view as lines over its last axis.
struct Lines {
    tensor: FlexTensor,
    outer: Vec<Axis>,
    inner: Axis,
}

impl Lines {
    fn new<const R: usize>(x: Tensor<R>) -> Self {
        let shape = x.dims();
        let tensor = flex(x);
        let axis = |i| Axis { n: shape[i], stride: tensor.layout().strides()[i] };
        let (outer, inner) = ((0..R - 1).map(axis).collect(), axis(R - 1));
        Self { tensor, outer, inner }
    }

    fn start(&self) -> isize {
        self.tensor.layout().start_offset() as isize
    }

    /// Elements of the line at `at`, one for each index, to as many places.
    fn picked(&self, at: isize, indices: &[impl Index], out: &mut [Blank]) {
        let from = self.tensor.storage::<f32>();
        let Axis { n, stride } = self.inner;
        if stride == 1 {
            let line = &from[at as usize..at as usize + n];
            out.iter_mut().zip(indices).for_each(|(out, index)| _ = out.write(line[index.which()]));
        } else {
            for (out, index) in out.iter_mut().zip(indices) {
                let index = index.which();
                assert!(index < n, "element {index} of {n}");
                out.write(from[(at + index as isize * stride) as usize]);
            }
        }
    }
}

impl Cpu {
    /// Of each last axis the elements that the indices at the same place name: `gather` of plain Burn.
    ///
    /// # Shapes
    /// `[…, width]` and indices `[…, picked]` to `[…, picked]`
    ///
    /// # Panics
    /// If other axes than the last differ, or an index is negative or not below the width.
    pub fn gather<const R: usize>(self, x: Tensor<R>, indices: Tensor<R, Int>) -> Tensor<R> {
        let (of, shape) = (x.dims(), indices.dims());
        assert_eq!(of[..R - 1], shape[..R - 1], "indices for each row");
        let (x, indices) = (Lines::new(x), packed(indices));
        let none = shape.contains(&0);
        let out = if none { Vec::new() } else { with_indices!(indices, gathered(&x, shape[R - 1])) };
        restored(out, shape)
    }

    /// Rows of a matrix, in the order of the indices: `select` of plain Burn.
    ///
    /// # Shapes
    /// `[rows, width]` to `[picked, width]`
    ///
    /// # Panics
    /// If an index is not below the number of rows.
    pub fn rows(self, x: Tensor<2>, indices: &[usize]) -> Tensor<2> {
        selected(x, indices)
    }

    /// [`rows`](Self::rows) with indices in a tensor, which must not be negative.
    ///
    /// # Shapes
    /// `[rows, width]` and `[picked]` to `[picked, width]`
    ///
    /// # Panics
    /// If an index is negative or not below the number of rows.
    pub fn rows_at(self, x: Tensor<2>, indices: Tensor<1, Int>) -> Tensor<2> {
        let indices = packed(indices);
        with_indices!(indices, selected(x))
    }
}

fn gathered(x: &Lines, picked: usize, indices: &[impl Index]) -> Vec<f32> {
    let per_job = (PARALLEL / 8).div_ceil(picked);
    let job = |n: usize, out: &mut [Blank]| {
        let lines = Walk::new(&x.outer, x.start(), n * per_job);
        let indices = indices[n * per_job * picked..].chunks_exact(picked);
        for ((out, indices), at) in out.chunks_exact_mut(picked).zip(indices).zip(lines) {
            x.picked(at, indices, out);
        }
    };
    // SAFETY: there is an index for each element, both come in whole lines, a walk has no end, and `picked` writes an
    // element for each index.
    #[expect(unsafe_code, reason = "with zeros written first it takes up to 1.4 times as long")]
    unsafe {
        written(indices.len(), per_job * picked, job)
    }
}

fn selected(x: Tensor<2>, indices: &[impl Index]) -> Tensor<2> {
    let [rows, width] = x.dims();
    let x = Lines::new(x);
    let from = x.tensor.storage::<f32>();
    let per_job = (PARALLEL / 4).div_ceil(width.max(1));
    let job = |n: usize, out: &mut [Blank]| {
        for (out, index) in out.chunks_exact_mut(width).zip(&indices[n * per_job..]) {
            let index = index.which();
            assert!(index < rows, "row {index} of {rows}");
            line(from, x.start() + index as isize * x.outer[0].stride, x.inner.stride, out);
        }
    };
    // SAFETY: there is an index for each row, chunks are made of whole rows, and `line` writes all of a row.
    #[expect(unsafe_code, reason = "with zeros written first it takes up to 1.4 times as long")]
    let out = unsafe { written(indices.len() * width, per_job * width.max(1), job) };
    restored(out, [indices.len(), width])
}
