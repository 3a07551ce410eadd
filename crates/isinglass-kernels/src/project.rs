//! Projections: a stream times the weights of one or several of them, and what is done with the result.

mod strip;

use std::cell::RefCell;
use std::mem::MaybeUninit;

use burn::tensor::Tensor;

use self::strip::{FEW, Memory, Rows, STRIP, Stored, filled};
use crate::Cpu;
use crate::activation::Activation;
use crate::threads::{shared, threads};
use crate::views::{View, owned, restored, vector, wrapped};
use crate::wide::wide;

/// Multiplications below which threads cost more than they bring.
const PARALLEL: usize = 1 << 16;

/// Rows that share one packing of a strip of weights.
const BLOCK: usize = 512;

/// Weights `[d_in, d_out]` and a bias `[d_out]`.
///
/// Weights are fastest as PyTorch stores them: a transposed view of `[d_out, d_in]`.
/// They are of f32, or of bf16, which is read as the f32 of the same value: the results are the same to the bit, and half as
/// much memory is read.
#[derive(Debug, Clone)]
pub struct Weights {
    weight: View<2>,
    bias: Option<Vec<f32>>,
}

impl Weights {
    /// As they lie in memory; weights that are not such a view are copied into one.
    pub fn new(weight: Tensor<2>, bias: Option<Tensor<1>>) -> Self {
        Self { weight: View::new(weight.transpose()), bias: bias.map(vector) }
    }

    /// The weights, `[d_in, d_out]`, as they lie here.
    pub fn weight(&self) -> Tensor<2> {
        self.weight.clone().into_tensor().transpose()
    }

    fn stored(&self) -> Stored<'_> {
        let (first, row) = (self.weight.at([0, 0]), self.weight.stride(0));
        if self.weight.is_bf16() {
            Stored::Bf16 { values: &self.weight.storage_bf16()[first..], row }
        } else {
            Stored::F32(Rows { values: &self.weight.storage()[first..], row })
        }
    }

    fn d_out(&self) -> usize {
        self.weight.shape[0]
    }
}

/// What becomes of a product.
#[derive(Clone, Copy)]
enum Then<'a> {
    /// It is the result.
    Keep,
    /// It is added to what is there.
    Add,
    /// The function of it.
    Activate(Activation),
    /// The function of it times the product with other weights.
    Gate(Activation, &'a Weights),
}

/// A result that several threads write to, each its own strip of its own rows.
struct Target<'a> {
    at: *mut f32,
    weights: &'a Weights,
    then: Then<'a>,
}

#[expect(unsafe_code, reason = "strips of a matrix are no slices")]
// SAFETY: all that is done through the pointer is `Target::strip`, whose caller promises that no two threads write to one place.
unsafe impl Sync for Target<'_> {}

thread_local! {
    /// Products of one strip with one and with other weights, and what making them takes: kept, so that no job takes memory.
    static SCRATCH: RefCell<(Vec<f32>, Vec<f32>, Memory)> =
        const { RefCell::new((Vec::new(), Vec::new(), Memory { packed: Vec::new(), widened: Vec::new() })) };
}

/// The part of a buffer that begins a cache line, with room for `n`.
fn aligned(buffer: &mut Vec<f32>, n: usize) -> &mut [f32] {
    const LINE: usize = 16;
    if buffer.len() < n + LINE {
        buffer.resize(n + LINE, 0.0);
    }
    let skip = buffer.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
    &mut buffer[skip..skip + n]
}

impl Target<'_> {
    /// Rows `[first, first + n)`, of `m` in all, of a strip of columns from `from` on.
    ///
    /// # Safety
    /// The target holds `first + n` rows of `d_out`, and no other thread touches these columns of these rows meanwhile.
    #[expect(unsafe_code, reason = "strips of a matrix are no slices")]
    unsafe fn strip(&self, x: Rows<'_>, [m, k]: [usize; 2], from: usize, [first, n]: [usize; 2]) {
        let x = Rows { values: &x.values[first * x.row..], row: x.row };
        let d_out = self.weights.d_out();
        let columns = from..(from + width(m)).min(d_out);
        SCRATCH.with_borrow_mut(|(product, other, memory)| {
            let product = aligned(product, n * STRIP);
            let of = |weights: &Weights, product: &mut [f32], memory: &mut Memory| {
                filled(product, x, weights.stored(), k, columns.clone(), m < FEW, memory);
                if let Some(bias) = &weights.bias {
                    let bias = &bias[columns.clone()];
                    wide(
                        #[inline(always)]
                        || {
                            for row in product.as_chunks_mut::<STRIP>().0 {
                                row.iter_mut().zip(bias).for_each(|(y, bias)| *y += bias);
                            }
                        },
                    );
                }
            };
            of(self.weights, product, memory);
            match self.then {
                Then::Activate(f) => f.apply(product),
                Then::Gate(f, up) => {
                    let other = aligned(other, n * STRIP);
                    of(up, other, memory);
                    f.gate(product, other);
                }
                Then::Keep | Then::Add => {}
            }
            let rows = product.as_chunks::<STRIP>().0;
            wide(
                #[inline(always)]
                || {
                    for (i, row) in rows.iter().enumerate() {
                        // SAFETY: the row and the columns are the target's, and nobody else's, by this function's
                        // contract; what is read was written before, as `Add` comes with a target that holds values.
                        unsafe {
                            let at = self.at.add((first + i) * d_out + columns.start);
                            match self.then {
                                Then::Add => (0..columns.len()).for_each(|j| *at.add(j) += row[j]),
                                // Of a length that the compiler knows.
                                _ if columns.len() == STRIP => at.cast::<[f32; STRIP]>().write(*row),
                                _ => at.copy_from_nonoverlapping(row.as_ptr(), columns.len()),
                            }
                        }
                    }
                },
            );
        });
    }
}

/// Columns of one job: with few rows a job is short, and more of them are shared more evenly.
const fn width(m: usize) -> usize {
    if m < FEW { STRIP / 3 } else { STRIP }
}

/// Fills every target, whose memory holds `m` rows of its `d_out`.
#[expect(unsafe_code, reason = "calls what writes strips")]
fn fill(x: &View<3>, targets: &[Target<'_>]) {
    let [batch, pos, k] = x.shape;
    let m = batch * pos;
    let rows = Rows { values: &x.storage()[x.at([0; 3]).min(x.storage().len())..], row: x.stride(1) };
    let strips: Vec<(usize, usize)> = (targets.iter().enumerate())
        .flat_map(|(t, target)| (0..target.weights.d_out()).step_by(width(m)).map(move |from| (t, from)))
        .collect();
    let work = m * k * strips.len() * width(m);
    // With few strips for many threads, rows are divided too.
    let wanted = (threads() * 4).div_ceil(strips.len().max(1));
    let block = if work < PARALLEL { BLOCK } else { m.div_ceil(wanted).clamp(BLOCK / 8, BLOCK) };
    let blocks = m.div_ceil(block);
    let job = |n: usize| {
        let (t, from) = strips[n % strips.len()];
        let first = n / strips.len() * block;
        // SAFETY: each target has memory for `m` rows, and no two jobs have both their strip and their block alike.
        unsafe { targets[t].strip(rows, [m, k], from, [first, block.min(m - first)]) };
    };
    let jobs = blocks * strips.len();
    shared(work >= PARALLEL, jobs, job);
}

/// Rows that follow each other at one distance.
fn flat(x: Tensor<3>) -> View<3> {
    let view = View::new(x);
    let [batch, pos, _] = view.shape;
    let is_flat = batch <= 1 || pos <= 1 && view.stride(0) == view.stride(1) || view.stride(0) == pos * view.stride(1);
    if is_flat { view } else { View::new(Cpu(()).contiguous(view.into_tensor())) }
}

impl Cpu {
    /// `x · weight + bias` for each of several weights.
    ///
    /// # Shapes
    /// x `[batch, pos, d_in]`, to `[batch, pos, d_out]` each
    ///
    /// # Panics
    /// If weights have another `d_in`, or a bias another `d_out`.
    pub fn project<const N: usize>(self, x: Tensor<3>, weights: [&Weights; N]) -> [Tensor<3>; N] {
        made(&flat(x), weights.map(|weights| (weights, Then::Keep)))
    }

    /// `onto + (x · weight + bias)`, in place where nobody else holds `onto`.
    ///
    /// # Shapes
    /// x `[batch, pos, d_in]`, onto `[batch, pos, d_out]`
    ///
    /// # Panics
    /// If shapes do not fit.
    pub fn project_onto(self, x: Tensor<3>, weights: &Weights, onto: Tensor<3>) -> Tensor<3> {
        let x = flat(x);
        let shape = [x.shape[0], x.shape[1], weights.d_out()];
        assert_eq!(onto.dims(), shape, "what is added to");
        checked(&x, weights);
        let (mut onto, _) = owned(onto);
        let at = onto.storage_mut::<f32>().as_mut_ptr();
        fill(&x, &[Target { at, weights, then: Then::Add }]);
        wrapped(onto)
    }

    /// `f(x · weight + bias)`.
    ///
    /// # Shapes
    /// x `[batch, pos, d_in]`, to `[batch, pos, d_out]`
    ///
    /// # Panics
    /// If shapes do not fit.
    pub fn project_activated(self, f: Activation, x: Tensor<3>, weights: &Weights) -> Tensor<3> {
        let [out] = made(&flat(x), [(weights, Then::Activate(f))]);
        out
    }

    /// `f(x · gate + bias) · (x · up + bias)`.
    ///
    /// # Shapes
    /// x `[batch, pos, d_in]`, to `[batch, pos, d_out]`
    ///
    /// # Panics
    /// If shapes do not fit.
    pub fn project_gated(self, f: Activation, x: Tensor<3>, gate: &Weights, up: &Weights) -> Tensor<3> {
        let x = flat(x);
        checked(&x, up);
        assert_eq!(gate.d_out(), up.d_out(), "a gate for each neuron");
        let [out] = made(&x, [(gate, Then::Gate(f, up))]);
        out
    }
}

fn checked(x: &View<3>, weights: &Weights) {
    let [d_out, d_in] = weights.weight.shape;
    assert_eq!(x.shape[2], d_in, "as many weights as the stream is wide");
    assert!(weights.bias.as_ref().is_none_or(|bias| bias.len() == d_out), "a bias for each output");
}

/// New tensors of products.
#[expect(unsafe_code, reason = "results are written to memory that was not cleared before")]
fn made<const N: usize>(x: &View<3>, products: [(&Weights, Then<'_>); N]) -> [Tensor<3>; N] {
    let [batch, pos, _] = x.shape;
    for (weights, _) in &products {
        checked(x, weights);
    }
    let n = |weights: &Weights| batch * pos * weights.d_out();
    let mut outs = products.map(|(weights, _)| Vec::<f32>::with_capacity(n(weights)));
    let targets: Vec<Target<'_>> = (outs.iter_mut().zip(products))
        .map(|(out, (weights, then))| {
            let memory: *mut MaybeUninit<f32> = out.spare_capacity_mut().as_mut_ptr();
            Target { at: memory.cast(), weights, then }
        })
        .collect();
    fill(x, &targets);
    let mut outs = outs.into_iter().zip(products);
    std::array::from_fn(|_| {
        let (mut out, (weights, _)) = outs.next().unwrap_or_else(|| unreachable!("as many results as products"));
        // SAFETY: `fill` wrote every row of every strip, which are all columns of all rows.
        unsafe { out.set_len(n(weights)) };
        restored(out, [batch, pos, weights.d_out()])
    })
}
