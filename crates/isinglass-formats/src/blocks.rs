//! ggml's quantised blocks as `f32`, bit for bit as ggml computes them.
//!
//! The product of an f16 and at most 8 bits is exact in f32, so that in blocks of 32 the only rounding is that of a sum.
//! The blocks of 256 scale their scales: there the order of the products matters, and is that of ggml.

mod k_quants;

use half::f16;

pub(crate) use k_quants::{q4_k, q5_k, q6_k};

/// Values in a block of the simple kinds.
const VALUES: usize = 32;

/// Blocks of `BYTES` bytes, each with the place of its `N` values.
fn each<'a, const BYTES: usize, const N: usize>(
    blocks: &'a [u8],
    out: &'a mut [f32],
) -> impl Iterator<Item = (&'a [u8; BYTES], &'a mut [f32; N])> {
    blocks.as_chunks().0.iter().zip(out.as_chunks_mut().0)
}

fn half(low: u8, high: u8) -> f32 {
    f16::from_le_bytes([low, high]).to_f32()
}

/// Sixteen bytes of quants: byte `j` holds value `j` low and value `j + 16` high; `x` makes the number from a value's
/// place and its four bits.
fn nibbles(quants: &[u8], out: &mut [f32; VALUES], x: impl Fn(usize, u8) -> f32) {
    let (low, high) = out.split_at_mut(VALUES / 2);
    for (j, ((low, high), q)) in low.iter_mut().zip(high).zip(quants).enumerate() {
        *low = x(j, q & 15);
        *high = x(j + VALUES / 2, q >> 4);
    }
}

/// The fifth bit of value `j`, where it belongs.
fn fifth(bits: [u8; 4], j: usize) -> u8 {
    ((u32::from_le_bytes(bits) >> j & 1) as u8) << 4
}

/// `q4_0`: scale `d` (f16), then 16 bytes of nibbles. `x = d * (q - 8)`.
pub(crate) fn q4_0(blocks: &[u8], out: &mut [f32]) {
    for (block, out) in each::<18, VALUES>(blocks, out) {
        let [d0, d1, quants @ ..] = block;
        let d = half(*d0, *d1);
        nibbles(quants, out, |_, q| d * (f32::from(q) - 8.0));
    }
}

/// `q4_1`: scale `d`, minimum `m` (both f16), then 16 bytes of nibbles. `x = d * q + m`.
pub(crate) fn q4_1(blocks: &[u8], out: &mut [f32]) {
    for (block, out) in each::<20, VALUES>(blocks, out) {
        let [d0, d1, m0, m1, quants @ ..] = block;
        let (d, m) = (half(*d0, *d1), half(*m0, *m1));
        nibbles(quants, out, |_, q| d * f32::from(q) + m);
    }
}

/// `q5_0`: scale `d` (f16), the fifth bits (u32), then 16 bytes of nibbles. `x = d * (q - 16)`.
pub(crate) fn q5_0(blocks: &[u8], out: &mut [f32]) {
    for (block, out) in each::<22, VALUES>(blocks, out) {
        let [d0, d1, h0, h1, h2, h3, quants @ ..] = block;
        let (d, bits) = (half(*d0, *d1), [*h0, *h1, *h2, *h3]);
        nibbles(quants, out, |j, q| d * (f32::from(q | fifth(bits, j)) - 16.0));
    }
}

/// `q5_1`: scale `d`, minimum `m` (both f16), the fifth bits (u32), then 16 bytes of nibbles. `x = d * q + m`.
pub(crate) fn q5_1(blocks: &[u8], out: &mut [f32]) {
    for (block, out) in each::<24, VALUES>(blocks, out) {
        let [d0, d1, m0, m1, h0, h1, h2, h3, quants @ ..] = block;
        let (d, m, bits) = (half(*d0, *d1), half(*m0, *m1), [*h0, *h1, *h2, *h3]);
        nibbles(quants, out, |j, q| d * f32::from(q | fifth(bits, j)) + m);
    }
}

/// `q8_0`: scale `d` (f16), then 32 signed bytes. `x = d * q`.
pub(crate) fn q8_0(blocks: &[u8], out: &mut [f32]) {
    for (block, out) in each::<34, VALUES>(blocks, out) {
        let [d0, d1, quants @ ..] = block;
        let d = half(*d0, *d1);
        for (out, q) in out.iter_mut().zip(quants) {
            *out = d * f32::from(q.cast_signed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nibbles that are `j` for value `j` and `15 - j` for value `j + 16`.
    fn ramp() -> impl Iterator<Item = u8> {
        (0..16_u8).map(|j| j | (15 - j) << 4)
    }

    fn numbers(read: fn(&[u8], &mut [f32]), header: &[u8], quants: impl Iterator<Item = u8>) -> [f32; 32] {
        let block: Vec<u8> = header.iter().copied().chain(quants).collect();
        let mut out = [f32::NAN; 32];
        read(&block, &mut out);
        out
    }

    #[test]
    fn q4_0_by_hand() {
        // d = -0.5 (0xb800)
        let out = numbers(q4_0, &[0x00, 0xb8], ramp());
        assert_eq!(out[..3], [4.0, 3.5, 3.0]);
        assert_eq!(out[15..18], [-3.5, -3.5, -3.0]);
        assert_eq!(out[31..], [4.0]);
    }

    #[test]
    fn q4_1_by_hand() {
        // d = 0.5 (0x3800), m = -1 (0xbc00)
        let out = numbers(q4_1, &[0x00, 0x38, 0x00, 0xbc], ramp());
        assert_eq!(out[..4], [-1.0, -0.5, 0.0, 0.5]);
        assert_eq!(out[15..18], [6.5, 6.5, 6.0]);
        assert_eq!(out[31..], [-1.0]);
    }

    #[test]
    fn q5_0_by_hand() {
        // d = 0.5; the fifth bit is set of values 1, 16 and 31 alone.
        let out = numbers(q5_0, &[0x00, 0x38, 0x02, 0x00, 0x01, 0x80], ramp());
        assert_eq!(out[..3], [-8.0, 0.5, -7.0]);
        assert_eq!(out[15..18], [-0.5, 7.5, -1.0]);
        assert_eq!(out[30..], [-7.5, 0.0]);
    }

    #[test]
    fn q5_1_by_hand() {
        // d = 2 (0x4000), m = 1 (0x3c00); the fifth bit is set of values 0 and 17 alone.
        let out = numbers(q5_1, &[0x00, 0x40, 0x00, 0x3c, 0x01, 0x00, 0x02, 0x00], ramp());
        assert_eq!(out[..3], [33.0, 3.0, 5.0]);
        assert_eq!(out[15..18], [31.0, 31.0, 61.0]);
        assert_eq!(out[31..], [1.0]);
    }

    #[test]
    fn q8_0_by_hand() {
        // d = 0.25 (0x3400)
        let mut block = vec![0x00, 0x34];
        block.extend((0..32_u8).map(|j| if j == 31 { 0x80 } else { j }));
        block.extend([0x00, 0xc0]); // d = -2
        block.extend([0xff; 32]);
        let mut out = [0.0; 64];
        q8_0(&block, &mut out);
        assert_eq!(out[..3], [0.0, 0.25, 0.5]);
        assert_eq!(out[31..32], [-32.0]);
        assert_eq!(out[32..], [2.0; 32]);
    }
}
