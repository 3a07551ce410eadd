//! Stored numbers as `f32`: every thread takes pieces of the tensor, so that new memory too is touched by all of them.

use half::{bf16, f16};
use rayon::prelude::*;

use crate::{Dtype, blocks};

/// Values cast at a time: few enough that they are still in the cache when they are checked, whole blocks of every kind.
const PIECE: usize = 1 << 14;

/// The bits that are all set in infinities and NaNs, and in nothing else.
const EXPONENT: u32 = 0x7f80_0000;

/// How whole blocks of bytes become numbers.
type Cast = fn(&[u8], &mut [f32]);

/// `n` numbers, and the index of the first that is not finite; `None` where they are integers.
pub(crate) fn to_f32(dtype: Dtype, bytes: &[u8], n: usize) -> Option<(Vec<f32>, Option<usize>)> {
    let cast = of(dtype)?;
    let (elements, n_bytes) = dtype.block();
    let mut out = vec![0.0; n];
    let pieces = out.par_chunks_mut(PIECE).zip(bytes.par_chunks(PIECE / elements * n_bytes)).enumerate();
    let bad = pieces.filter_map(|(i, (out, bytes))| {
        cast(bytes, out);
        Some(i * PIECE + not_finite(out)?)
    });
    // Not the first that is found but the least, whichever thread was faster; each piece has to be cast anyway.
    let bad = bad.min();
    Some((out, bad))
}

fn of(dtype: Dtype) -> Option<Cast> {
    Some(match dtype {
        Dtype::F64 => |bytes, out| each(bytes, out, |x| f64::from_le_bytes(x) as f32),
        Dtype::F32 => |bytes, out| each(bytes, out, f32::from_le_bytes),
        Dtype::F16 => |bytes, out| each(bytes, out, |x| f16::from_le_bytes(x).to_f32()),
        Dtype::Bf16 => |bytes, out| each(bytes, out, |x| bf16::from_le_bytes(x).to_f32()),
        Dtype::Q4_0 => blocks::q4_0,
        Dtype::Q4_1 => blocks::q4_1,
        Dtype::Q5_0 => blocks::q5_0,
        Dtype::Q5_1 => blocks::q5_1,
        Dtype::Q8_0 => blocks::q8_0,
        Dtype::Q4K => blocks::q4_k,
        Dtype::Q5K => blocks::q5_k,
        Dtype::Q6K => blocks::q6_k,
        _ => return None,
    })
}

/// Numbers of `N` bytes each, one after another.
fn each<const N: usize>(bytes: &[u8], out: &mut [f32], number: impl Fn([u8; N]) -> f32) {
    for (out, bytes) in out.iter_mut().zip(bytes.as_chunks().0) {
        *out = number(*bytes);
    }
}

/// The index of the first number that is not finite.
fn not_finite(numbers: &[f32]) -> Option<usize> {
    // Without a way out of the loop, which is vectorised then; only then is the number looked for.
    let any = numbers.iter().fold(false, |any, x| any | (x.to_bits() & EXPONENT == EXPONENT));
    if any { numbers.iter().position(|x| !x.is_finite()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_that_is_not_finite_is_found() {
        let n = 3 * PIECE + 7;
        for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for places in [&[][..], &[0], &[n - 1], &[PIECE - 1, PIECE], &[2 * PIECE + 5, n - 1, 2 * PIECE + 9]] {
                let mut numbers: Vec<f32> = (0..n).map(|i| if i % 2 == 0 { f32::MAX } else { -1e-40 }).collect();
                for place in places {
                    numbers[*place] = bad;
                }
                let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
                let (cast, first) = to_f32(Dtype::F32, &bytes, n).unwrap();
                assert_eq!(first, places.iter().min().copied());
                assert!(cast.iter().zip(&numbers).all(|(a, b)| a.to_bits() == b.to_bits()));
            }
        }
    }

    #[test]
    fn pieces_are_what_a_whole_tensor_would_be() {
        let kinds = [Dtype::F64, Dtype::F16, Dtype::Bf16, Dtype::Q4_0, Dtype::Q4_1, Dtype::Q5_0, Dtype::Q5_1];
        for dtype in kinds.into_iter().chain([Dtype::Q8_0, Dtype::Q4K, Dtype::Q5K, Dtype::Q6K]) {
            let (elements, n_bytes) = dtype.block();
            let blocks = (2 * PIECE).div_ceil(elements) + 3;
            let bytes: Vec<u8> = (0..blocks * n_bytes).map(|i| (i * i / 7 % 251) as u8).collect();
            let mut whole = vec![0.0; blocks * elements];
            of(dtype).unwrap()(&bytes, &mut whole);
            let (cast, first) = to_f32(dtype, &bytes, whole.len()).unwrap();
            assert!(cast.iter().zip(&whole).all(|(a, b)| a.to_bits() == b.to_bits()), "{dtype}");
            assert_eq!(first, whole.iter().position(|x| !x.is_finite()), "{dtype}");
        }
    }
}
