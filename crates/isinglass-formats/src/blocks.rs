//! ggml's quantised blocks as `f32`, bit for bit as ggml computes them.
//!
//! The product of an f16 and 4 or 8 bits is exact in f32, so the only rounding is that of the sum.

use half::f16;

/// Values in a block of either kind.
pub(crate) const VALUES: usize = 32;

/// `q4_1`: scale `d`, minimum `m` (both f16), then 16 bytes; byte `j` holds value `j` low and value `j + 16` high.
/// `x = d * q + m`.
pub(crate) fn q4_1(blocks: &[u8], out: &mut [f32]) {
    let (blocks, _) = blocks.as_chunks::<20>();
    let (out, _) = out.as_chunks_mut::<VALUES>();
    for (block, out) in blocks.iter().zip(out) {
        let [d0, d1, m0, m1, quants @ ..] = block;
        let (d, m) = (f16::from_le_bytes([*d0, *d1]).to_f32(), f16::from_le_bytes([*m0, *m1]).to_f32());
        let (low, high) = out.split_at_mut(VALUES / 2);
        for ((low, high), q) in low.iter_mut().zip(high).zip(quants) {
            *low = d * f32::from(q & 15) + m;
            *high = d * f32::from(q >> 4) + m;
        }
    }
}

/// `q8_0`: scale `d` (f16), then 32 signed bytes. `x = d * q`.
pub(crate) fn q8_0(blocks: &[u8], out: &mut [f32]) {
    let (blocks, _) = blocks.as_chunks::<34>();
    let (out, _) = out.as_chunks_mut::<VALUES>();
    for (block, out) in blocks.iter().zip(out) {
        let [d0, d1, quants @ ..] = block;
        let d = f16::from_le_bytes([*d0, *d1]).to_f32();
        for (out, q) in out.iter_mut().zip(quants) {
            *out = d * f32::from(q.cast_signed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q4_1_by_hand() {
        // d = 0.5 (0x3800), m = -1 (0xbc00); byte j holds j low and 15 - j high.
        let mut block = vec![0x00, 0x38, 0x00, 0xbc];
        block.extend((0..16_u8).map(|j| j | (15 - j) << 4));
        let mut out = [0.0; 32];
        q4_1(&block, &mut out);
        assert_eq!(out[..4], [-1.0, -0.5, 0.0, 0.5]);
        assert_eq!(out[15..18], [6.5, 6.5, 6.0]);
        assert_eq!(out[31..], [-1.0]);
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
