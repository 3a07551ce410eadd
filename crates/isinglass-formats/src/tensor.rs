//! One tensor inside a file, and what every file of tensors can be asked.

use std::fmt;
use std::path::Path;

use crate::{Dtype, FormatError, cast};

/// One tensor inside a file, not yet converted.
#[derive(Clone, Copy)]
pub struct TensorView<'a> {
    pub(crate) path: &'a Path,
    pub(crate) name: &'a str,
    pub(crate) dtype: Dtype,
    pub(crate) shape: &'a [usize],
    pub(crate) bytes: &'a [u8],
}

impl<'a> TensorView<'a> {
    /// The name it has in its file.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// How its numbers are stored.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The lengths of its axes, row-major: the last one runs fastest.
    pub fn shape(&self) -> &'a [usize] {
        self.shape
    }

    /// Its bytes, as they are in the file.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// How many numbers it holds: the product of [`shape`](Self::shape).
    pub fn n_elements(&self) -> usize {
        // The product was checked when the file was opened.
        self.shape.iter().product()
    }

    /// Its numbers as `f32`, row-major; real ones of every kind, quantised blocks included.
    ///
    /// # Errors
    ///
    /// [`FormatError::WrongDtype`] for integers and booleans.
    pub fn to_f32(&self) -> Result<Vec<f32>, FormatError> {
        Ok(self.cast()?.0)
    }

    /// As [`to_f32`](Self::to_f32), for what must hold neither infinities nor NaNs: each number is looked at as it is cast,
    /// which is faster than a look at all of them afterwards.
    ///
    /// # Errors
    ///
    /// As [`to_f32`](Self::to_f32), and [`FormatError::NotFinite`], which names the first such number.
    pub fn to_finite_f32(&self) -> Result<Vec<f32>, FormatError> {
        let (numbers, bad) = self.cast()?;
        match bad {
            None => Ok(numbers),
            Some(index) => Err(FormatError::NotFinite {
                path: self.path.to_path_buf(),
                tensor: self.name.to_string(),
                index,
                found: numbers[index],
            }),
        }
    }

    fn cast(&self) -> Result<(Vec<f32>, Option<usize>), FormatError> {
        let cast = cast::to_f32(self.dtype, self.bytes, self.n_elements());
        cast.ok_or_else(|| self.wrong_dtype("a real one for `to_f32`; read integers with `to_i64`"))
    }

    /// Its numbers as `i64`, row-major; integers of every width, and booleans as 0 and 1.
    ///
    /// # Errors
    ///
    /// [`FormatError::WrongDtype`] for real numbers, and [`FormatError::IntegerTooLarge`] for a `u64` above `i64::MAX`.
    pub fn to_i64(&self) -> Result<Vec<i64>, FormatError> {
        Ok(match self.dtype {
            Dtype::I64 => convert(self.bytes, i64::from_le_bytes),
            Dtype::I32 => convert(self.bytes, |x| i64::from(i32::from_le_bytes(x))),
            Dtype::I16 => convert(self.bytes, |x| i64::from(i16::from_le_bytes(x))),
            Dtype::I8 => convert(self.bytes, |x| i64::from(i8::from_le_bytes(x))),
            Dtype::U64 => return self.u64_to_i64(),
            Dtype::U32 => convert(self.bytes, |x| i64::from(u32::from_le_bytes(x))),
            Dtype::U16 => convert(self.bytes, |x| i64::from(u16::from_le_bytes(x))),
            Dtype::U8 => convert(self.bytes, |x| i64::from(u8::from_le_bytes(x))),
            Dtype::Bool => convert(self.bytes, |[x]: [u8; 1]| i64::from(x != 0)),
            _ => return Err(self.wrong_dtype("an integer one for `to_i64`; read real numbers with `to_f32`")),
        })
    }

    fn u64_to_i64(&self) -> Result<Vec<i64>, FormatError> {
        let numbers = convert(self.bytes, u64::from_le_bytes);
        match numbers.iter().find(|x| i64::try_from(**x).is_err()) {
            None => Ok(numbers.into_iter().map(u64::cast_signed).collect()),
            Some(found) => Err(FormatError::IntegerTooLarge {
                path: self.path.to_path_buf(),
                tensor: self.name.to_string(),
                found: *found,
            }),
        }
    }

    fn wrong_dtype(&self, expected: &'static str) -> FormatError {
        FormatError::WrongDtype {
            path: self.path.to_path_buf(),
            tensor: self.name.to_string(),
            found: self.dtype,
            expected,
        }
    }
}

impl fmt::Debug for TensorView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TensorView")
            .field("name", &self.name)
            .field("dtype", &self.dtype)
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

/// Numbers of `N` bytes each, one after another.
fn convert<const N: usize, T>(bytes: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, _) = bytes.as_chunks();
    chunks.iter().map(|chunk| number(*chunk)).collect()
}

/// A file, or several shards, of named tensors.
pub trait TensorFile: fmt::Debug + Send + Sync {
    /// The names of its tensors, sorted.
    fn names(&self) -> Vec<&str>;

    /// The tensor of that name.
    ///
    /// # Errors
    ///
    /// [`FormatError::NoSuchTensor`], which names the nearest one.
    fn get(&self, name: &str) -> Result<TensorView<'_>, FormatError>;

    /// Whether it has a tensor of that name.
    fn contains(&self, name: &str) -> bool;

    /// The files it is read from, for instance to hash them.
    fn paths(&self) -> Vec<&Path>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(dtype: Dtype, bytes: &[u8]) -> TensorView<'_> {
        let n = bytes.len() / dtype.block().1 * dtype.block().0;
        // Leaked: a view borrows its shape, and a test has nowhere to keep one.
        TensorView { path: Path::new("a.file"), name: "t", dtype, shape: Box::leak(Box::new([n])), bytes }
    }

    #[test]
    fn real_numbers_by_hand() {
        let check = |dtype, bytes: &[u8], want: &[f32]| {
            assert_eq!(view(dtype, bytes).to_f32().unwrap(), want, "{dtype}");
            assert!(view(dtype, bytes).to_i64().is_err() && dtype.is_float());
        };
        check(Dtype::F64, &[0, 0, 0, 0, 0, 0, 0xf8, 0x3f], &[1.5]);
        check(Dtype::F32, &[0, 0, 0xc0, 0x3f, 0, 0, 0, 0x80], &[1.5, -0.0]);
        check(Dtype::F16, &[0x00, 0x3e, 0x01, 0x00, 0x00, 0x7c], &[1.5, 5.960_464_5e-8, f32::INFINITY]);
        check(Dtype::Bf16, &[0xc0, 0x3f, 0x00, 0xc0], &[1.5, -2.0]);
        check(Dtype::F32, &[], &[]);
        let mut block = vec![0x00, 0x3c]; // d = 1
        block.extend([3; 32]);
        check(Dtype::Q8_0, &block, &[3.0; 32]);
        let mut block = vec![0x00, 0x3c, 0x00, 0x40]; // d = 1, m = 2
        block.extend([0x33; 16]);
        check(Dtype::Q4_1, &block, &[5.0; 32]);
    }

    #[test]
    fn integers_by_hand() {
        let check = |dtype, bytes: &[u8], want: &[i64]| {
            assert_eq!(view(dtype, bytes).to_i64().unwrap(), want, "{dtype}");
            assert!(view(dtype, bytes).to_f32().is_err() && !dtype.is_float());
        };
        check(Dtype::I64, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], &[-2]);
        check(Dtype::I32, &[0xfe, 0xff, 0xff, 0xff, 1, 0, 0, 0], &[-2, 1]);
        check(Dtype::I16, &[0xfe, 0xff], &[-2]);
        check(Dtype::I8, &[0xfe, 7], &[-2, 7]);
        check(Dtype::U64, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], &[i64::MAX - 1]);
        check(Dtype::U32, &[0xfe, 0xff, 0xff, 0xff], &[4_294_967_294]);
        check(Dtype::U16, &[0xfe, 0xff], &[65_534]);
        check(Dtype::U8, &[0xfe], &[254]);
        check(Dtype::Bool, &[0, 1], &[0, 1]);
    }

    #[test]
    fn the_wrong_conversion_says_which_is_right() {
        let message = view(Dtype::I32, &[0; 4]).to_f32().unwrap_err().to_string();
        assert_eq!(
            message,
            "tensor `t` of `a.file` has dtype `i32`, not a real one for `to_f32`; read integers with `to_i64`"
        );
        let message = view(Dtype::U64, &[0xff; 8]).to_i64().unwrap_err().to_string();
        assert!(message.contains("18446744073709551615"), "{message}");
    }
}
