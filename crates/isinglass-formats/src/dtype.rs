//! How the numbers of a tensor are stored.

use std::fmt;

/// How the numbers of a tensor are stored in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dtype {
    /// IEEE double.
    F64,
    /// IEEE single.
    F32,
    /// IEEE half.
    F16,
    /// The upper half of an [`F32`](Self::F32).
    Bf16,
    /// Signed, 8 bytes.
    I64,
    /// Signed, 4 bytes.
    I32,
    /// Signed, 2 bytes.
    I16,
    /// Signed, 1 byte.
    I8,
    /// Unsigned, 8 bytes.
    U64,
    /// Unsigned, 4 bytes.
    U32,
    /// Unsigned, 2 bytes.
    U16,
    /// Unsigned, 1 byte.
    U8,
    /// One byte, 0 or 1.
    Bool,
    /// ggml's blocks of 32 values: a scale and 4 bits a value.
    Q4_0,
    /// ggml's blocks of 32 values: a scale, a minimum and 4 bits a value.
    Q4_1,
    /// ggml's blocks of 32 values: a scale and 5 bits a value.
    Q5_0,
    /// ggml's blocks of 32 values: a scale, a minimum and 5 bits a value.
    Q5_1,
    /// ggml's blocks of 32 values: a scale and 8 bits a value.
    Q8_0,
    /// ggml's blocks of 256 values: eight scales and minima, which are scaled, and 4 bits a value.
    Q4K,
    /// ggml's blocks of 256 values: eight scales and minima, which are scaled, and 5 bits a value.
    Q5K,
    /// ggml's blocks of 256 values: sixteen scales, which are scaled, and 6 bits a value.
    Q6K,
}

impl Dtype {
    /// Whether the numbers are real ones, quantised or not, and [`to_f32`](crate::TensorView::to_f32) reads them.
    pub fn is_float(self) -> bool {
        !matches!(
            self,
            Self::I64 | Self::I32 | Self::I16 | Self::I8 | Self::U64 | Self::U32 | Self::U16 | Self::U8 | Self::Bool
        )
    }

    /// The smallest unit of storage: its elements and its bytes.
    pub fn block(self) -> (usize, usize) {
        match self {
            Self::F64 | Self::I64 | Self::U64 => (1, 8),
            Self::F32 | Self::I32 | Self::U32 => (1, 4),
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => (1, 2),
            Self::I8 | Self::U8 | Self::Bool => (1, 1),
            Self::Q4_0 => (32, 18),
            Self::Q4_1 => (32, 20),
            Self::Q5_0 => (32, 22),
            Self::Q5_1 => (32, 24),
            Self::Q8_0 => (32, 34),
            Self::Q4K => (256, 144),
            Self::Q5K => (256, 176),
            Self::Q6K => (256, 210),
        }
    }

    /// The bytes that whole blocks of `n_elements` take; `None` where that overflows.
    pub(crate) fn n_bytes(self, n_elements: usize) -> Option<usize> {
        let (elements, bytes) = self.block();
        (n_elements / elements).checked_mul(bytes)
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F64 => "f64",
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::I64 => "i64",
            Self::I32 => "i32",
            Self::I16 => "i16",
            Self::I8 => "i8",
            Self::U64 => "u64",
            Self::U32 => "u32",
            Self::U16 => "u16",
            Self::U8 => "u8",
            Self::Bool => "bool",
            Self::Q4_0 => "q4_0",
            Self::Q4_1 => "q4_1",
            Self::Q5_0 => "q5_0",
            Self::Q5_1 => "q5_1",
            Self::Q8_0 => "q8_0",
            Self::Q4K => "q4_k",
            Self::Q5K => "q5_k",
            Self::Q6K => "q6_k",
        })
    }
}
