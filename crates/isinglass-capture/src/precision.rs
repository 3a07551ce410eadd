//! How values are kept on disk.

use std::fmt;
use std::str::FromStr;

use half::f16;
use half::slice::HalfFloatSliceExt;
use isinglass_formats::Dtype;
use serde::{Deserialize, Serialize};

/// How a store keeps its values; they are given back as f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// As they were computed.
    #[default]
    F32,
    /// Half the bytes: 8 bits of precision, the range of f32.
    Bf16,
    /// Half the bytes: 11 bits of precision, nothing beyond 65,504; a value beyond is an error.
    F16,
}

impl Precision {
    /// Bytes of one value.
    pub const fn n_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 | Self::F16 => 2,
        }
    }

    pub(crate) const fn dtype(self) -> Dtype {
        match self {
            Self::F32 => Dtype::F32,
            Self::Bf16 => Dtype::Bf16,
            Self::F16 => Dtype::F16,
        }
    }

    /// Puts the bytes of finite values, rounded to the nearest, in place of what is in `bytes`; or gives the index of the
    /// first that the type does not reach.
    pub(crate) fn to_bytes(self, values: &[f32], bytes: &mut Vec<u8>) -> Result<(), usize> {
        match self {
            Self::F32 => {
                put_bytes(values, f32::to_le_bytes, bytes);
                Ok(())
            }
            Self::Bf16 => {
                put_bytes(values, |v| bf16_bits(v).to_le_bytes(), bytes);
                all_reached(bytes, 0x7f80)
            }
            Self::F16 => {
                let mut short = vec![f16::ZERO; values.len()];
                short.convert_from_f32_slice(values);
                put_bytes(&short, f16::to_le_bytes, bytes);
                all_reached(bytes, 0x7c00)
            }
        }
    }

    /// The values of these bytes.
    pub(crate) fn to_f32(self, bytes: &[u8], out: &mut [f32]) {
        match self {
            Self::F32 => {
                for (out, bytes) in out.iter_mut().zip(bytes.as_chunks().0) {
                    *out = f32::from_le_bytes(*bytes);
                }
            }
            Self::Bf16 => {
                for (out, bytes) in out.iter_mut().zip(bytes.as_chunks().0) {
                    *out = f32::from_bits(u32::from(u16::from_le_bytes(*bytes)) << 16);
                }
            }
            Self::F16 => {
                for (out, bytes) in out.iter_mut().zip(bytes.as_chunks().0) {
                    *out = f16::from_le_bytes(*bytes).to_f32();
                }
            }
        }
    }
}

/// Values side by side; a loop that compilers make wide.
fn put_bytes<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N], out: &mut Vec<u8>) {
    // What is there is written over, and so not cleared first.
    out.resize(values.len() * N, 0);
    for (out, value) in out.as_chunks_mut().0.iter_mut().zip(values) {
        *out = bytes(*value);
    }
}

/// The upper half of a finite f32, rounded to the nearest, ties to even: what `half` does value by value.
const fn bf16_bits(value: f32) -> u16 {
    let bits = value.to_bits();
    ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16
}

/// Whether no 16-bit float has all of these bits of its exponent set, as infinities do; else the index of the first.
fn all_reached(bytes: &[u8], exponent: u16) -> Result<(), usize> {
    let is_infinite = |bytes: &[u8; 2]| u16::from_le_bytes(*bytes) & exponent == exponent;
    let values = bytes.as_chunks().0;
    // Without a way out of the loop, which is vectorised then.
    let any = values.iter().fold(false, |any, bytes| any | is_infinite(bytes));
    if any { values.iter().position(is_infinite).map_or(Ok(()), Err) } else { Ok(()) }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.dtype().fmt(f)
    }
}

/// A name that is no [`Precision`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no type that values can be kept as: use `f32`, `bf16` or `f16`")]
pub struct UnknownPrecision {
    /// The name.
    pub found: String,
}

impl FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(name: &str) -> Result<Self, UnknownPrecision> {
        let all = [Self::F32, Self::Bf16, Self::F16];
        all.into_iter().find(|p| p.to_string() == name).ok_or_else(|| UnknownPrecision { found: name.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(precision: Precision, values: &[f32]) -> Vec<f32> {
        let mut bytes = vec![1; 3];
        precision.to_bytes(values, &mut bytes).unwrap();
        assert_eq!(bytes.len(), values.len() * precision.n_bytes());
        let mut back = vec![0.0; values.len()];
        precision.to_f32(&bytes, &mut back);
        back
    }

    #[test]
    fn values_come_back_as_near_as_the_type_allows() {
        let values = [1.0, -0.3, 65_504.0, 1e-30, 3.0e38];
        assert_eq!(there_and_back(Precision::F32, &values), values);
        let bf16 = there_and_back(Precision::Bf16, &values);
        assert!(values.iter().zip(&bf16).all(|(a, b)| (a - b).abs() <= a.abs() / 256.0), "{bf16:?}");
        let f16 = there_and_back(Precision::F16, &values[..3]);
        assert!(values.iter().zip(&f16).all(|(a, b)| (a - b).abs() <= a.abs() / 2048.0), "{f16:?}");
    }

    #[test]
    fn bf16_rounds_as_the_crate_for_it_does() {
        let bits = (0..=u32::MAX).step_by(65_521).chain([0x3f80_8000, 0x3f81_8000, 0x8000_0000, 0x0000_8001]);
        for value in bits.map(f32::from_bits).filter(|value| value.is_finite()) {
            assert_eq!(bf16_bits(value), half::bf16::from_f32(value).to_bits(), "{value:e}");
        }
    }

    #[test]
    fn what_a_type_does_not_reach_is_found() {
        assert_eq!(Precision::F16.to_bytes(&[1.0, 65_520.0], &mut Vec::new()), Err(1));
        assert_eq!(Precision::Bf16.to_bytes(&[f32::MAX], &mut Vec::new()), Err(0));
    }

    #[test]
    fn names_are_written_as_they_are_read() {
        for precision in [Precision::F32, Precision::Bf16, Precision::F16] {
            assert_eq!(precision.to_string().parse(), Ok(precision));
            assert_eq!(serde_json::to_string(&precision).unwrap(), format!("\"{precision}\""));
        }
        assert!("fp16".parse::<Precision>().is_err());
    }
}
