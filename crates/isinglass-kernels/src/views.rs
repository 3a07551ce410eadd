//! Slices of flex tensors.

use burn::backend::flex::{Flex, FlexTensor};
use burn::tensor::{DType, Device, Tensor, TensorData, bf16};

/// Whether a device is the flex backend itself, not wrapped by autodiff.
pub(crate) fn is_flex(device: &Device) -> bool {
    !device.is_autodiff() && *device == Device::flex()
}

/// Elements below which threads cost more than they bring.
pub(crate) const PARALLEL: usize = 1 << 15;

/// A tensor of flex as it lies in memory.
#[derive(Debug, Clone)]
pub(crate) struct View<const R: usize> {
    tensor: FlexTensor,
    pub(crate) shape: [usize; R],
    strides: [usize; R],
    offset: usize,
}

impl<const R: usize> View<R> {
    /// Its last axis lies in one piece; other axes may be strided.
    pub(crate) fn new(x: Tensor<R>) -> Self {
        let shape = x.dims();
        let mut tensor = flex(x);
        if tensor.layout().strides()[R - 1] != 1 || tensor.layout().strides().iter().any(|stride| *stride < 0) {
            tensor = tensor.to_contiguous();
        }
        let layout = tensor.layout();
        let mut strides = [0; R];
        strides.iter_mut().zip(layout.strides()).for_each(|(to, from)| *to = from.unsigned_abs());
        let offset = layout.start_offset();
        Self { tensor, shape, strides, offset }
    }

    /// The whole storage, with [`at`](Self::at) for where things lie.
    pub(crate) fn storage(&self) -> &[f32] {
        self.tensor.storage()
    }

    /// The whole storage of a tensor in bf16.
    pub(crate) fn storage_bf16(&self) -> &[bf16] {
        self.tensor.storage()
    }

    pub(crate) fn is_bf16(&self) -> bool {
        self.tensor.dtype() == DType::BF16
    }

    /// Where an element lies in the storage.
    pub(crate) fn at(&self, index: [usize; R]) -> usize {
        self.offset + index.iter().zip(&self.strides).map(|(i, stride)| i * stride).sum::<usize>()
    }

    pub(crate) fn stride(&self, axis: usize) -> usize {
        self.strides[axis]
    }

    pub(crate) fn into_tensor(self) -> Tensor<R> {
        wrapped(self.tensor)
    }
}

/// All elements in row-major order, as a tensor that may be written to.
pub(crate) fn owned<const R: usize>(x: Tensor<R>) -> (FlexTensor, [usize; R]) {
    let shape = x.dims();
    let n: usize = shape.iter().product();
    let tensor = flex(x);
    let whole = tensor.is_contiguous() && tensor.layout().start_offset() == 0 && tensor.storage::<f32>().len() == n;
    if whole { (tensor, shape) } else { (flex(restored(packed(&tensor), shape)), shape) }
}

/// The elements of a tensor in row-major order, copied.
fn packed(tensor: &FlexTensor) -> Vec<f32> {
    let contiguous = tensor.to_contiguous();
    contiguous.as_slice::<f32>().map(<[f32]>::to_vec).unwrap_or_default()
}

/// A tensor of these elements.
pub(crate) fn restored<const R: usize>(values: Vec<f32>, shape: [usize; R]) -> Tensor<R> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

pub(crate) fn wrapped<const R: usize>(tensor: FlexTensor) -> Tensor<R> {
    Tensor::from_primitive::<Flex>(tensor)
}

pub(crate) fn flex<const R: usize>(x: Tensor<R>) -> FlexTensor {
    match x.try_into_primitive::<Flex>() {
        Ok(tensor) => tensor,
        Err(_) => unreachable!("`Cpu::of` lets only tensors of flex in"),
    }
}

/// The elements of a vector.
pub(crate) fn vector(x: Tensor<1>) -> Vec<f32> {
    packed(&flex(x))
}
