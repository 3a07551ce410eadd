//! The blocks of 256 values, whose groups have scales of their own.

use super::{each, half};

/// Values in such a block.
const VALUES: usize = 256;

/// Values in a group of `q4_k` and `q5_k`.
const GROUP: usize = 32;

/// Scale and minimum of a group, both products already rounded.
#[derive(Debug, Clone, Copy)]
struct Group {
    d: f32,
    min: f32,
}

impl Group {
    /// The eight groups of a block that starts with `d`, `dmin` (both f16) and twelve bytes of packed scales.
    fn all(block: &[u8]) -> [Self; 8] {
        let (d, min, s) = (half(block[0], block[1]), half(block[2], block[3]), &block[4..16]);
        std::array::from_fn(|g| {
            // Six bits each: the first four groups have theirs whole, the last four in two parts.
            let (scale, least) = match g {
                0..4 => (s[g] & 63, s[g + 4] & 63),
                _ => ((s[g + 4] & 15) | (s[g - 4] >> 6) << 4, (s[g + 4] >> 4) | (s[g] >> 6) << 4),
            };
            Self { d: d * f32::from(scale), min: min * f32::from(least) }
        })
    }

    fn number(self, q: u8) -> f32 {
        self.d * f32::from(q) - self.min
    }
}

/// 128 bytes of quants: of every 32, the low nibbles are one group and the high ones the next; `fifth` gives the fifth bit
/// of a group's value, where it belongs.
fn groups(quants: &[u8], groups: [Group; 8], out: &mut [f32; VALUES], fifth: impl Fn(usize, usize) -> u8) {
    let (quants, _) = quants.as_chunks::<GROUP>();
    let (out, _) = out.as_chunks_mut::<{ 2 * GROUP }>();
    for (pair, (quants, out)) in quants.iter().zip(out).enumerate() {
        let (first, second) = (2 * pair, 2 * pair + 1);
        let (low, high) = out.split_at_mut(GROUP);
        for (l, ((low, high), q)) in low.iter_mut().zip(high).zip(quants).enumerate() {
            *low = groups[first].number((q & 15) | fifth(first, l));
            *high = groups[second].number((q >> 4) | fifth(second, l));
        }
    }
}

/// `q4_k`: `d`, `dmin`, scales, then 128 bytes of nibbles. `x = (d * scale) * q - dmin * min`.
pub(crate) fn q4_k(blocks: &[u8], out: &mut [f32]) {
    for (block, out) in each::<144, VALUES>(blocks, out) {
        groups(&block[16..], Group::all(block), out, |_, _| 0);
    }
}

/// `q5_k`: `d`, `dmin`, scales, 32 bytes of fifth bits (bit `g` of byte `l` is that of value `l` of group `g`), then 128
/// bytes of nibbles. `x = (d * scale) * q - dmin * min`.
pub(crate) fn q5_k(blocks: &[u8], out: &mut [f32]) {
    for (block, out) in each::<176, VALUES>(blocks, out) {
        let (bits, quants) = block[16..].split_at(GROUP);
        groups(quants, Group::all(block), out, |g, l| (bits[l] >> g & 1) << 4);
    }
}

/// `q6_k`: 128 bytes of low nibbles, 64 of two high bits, 16 signed scales of 16 values each, `d` (f16).
/// `x = (d * scale) * (q - 32)`.
pub(crate) fn q6_k(blocks: &[u8], out: &mut [f32]) {
    for (block, out) in each::<210, VALUES>(blocks, out) {
        let (low, rest) = block.split_at(128);
        let (high, rest) = rest.split_at(64);
        let d = half(rest[16], rest[17]);
        for (h, out) in out.as_chunks_mut::<128>().0.iter_mut().enumerate() {
            let (low, high, scales) = (&low[64 * h..], &high[32 * h..], &rest[8 * h..]);
            for (k, out) in out.iter_mut().enumerate() {
                // Four runs of 32: the low nibbles of 64 bytes, then their high ones.
                let (run, l) = (k / 32, k % 32);
                let four = low[32 * (run % 2) + l] >> (4 * (run / 2)) & 15;
                let q = four | (high[l] >> (2 * run) & 3) << 4;
                *out = (d * f32::from(scales[k / 16].cast_signed())) * (f32::from(q) - 32.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// d = 0.5, dmin = 2; group `g` has scale `g + 1` and minimum `g`, but group 7 has scale 63 and minimum 48.
    fn header() -> Vec<u8> {
        // Bytes 0 to 3: scales of groups 0 to 3, and the upper bits of those of 4 to 7; then the minima alike; then the
        // lower bits of both.
        let scales = [1, 2, 3, 4 | 0xc0, 0, 1, 2, 3 | 0xc0, 0x45, 0x56, 0x67, 0x0f];
        [0x00, 0x38, 0x00, 0x40].into_iter().chain(scales).collect()
    }

    #[test]
    fn q4_k_by_hand() {
        let mut block = header();
        block.extend((0..128_u8).map(|j| (j % 16) | (15 - j % 16) << 4));
        let mut out = [f32::NAN; 256];
        q4_k(&block, &mut out);
        assert_eq!(out[..3], [0.0, 0.5, 1.0]); // group 0: 0.5 * 1 * q - 2 * 0
        assert_eq!(out[32..35], [13.0, 12.0, 11.0]); // group 1, high nibbles: 0.5 * 2 * q - 2 * 1
        assert_eq!(out[128..130], [-8.0, -5.5]); // group 4: 0.5 * 5 * q - 2 * 4
        assert_eq!(out[224..226], [376.5, 345.0]); // group 7: 0.5 * 63 * q - 2 * 48
        assert_eq!(out[255..], [-96.0]);
    }

    #[test]
    fn q5_k_by_hand() {
        let mut block = header();
        block.extend([0b1000_0010; 32]); // the fifth bits of groups 1 and 7
        block.extend([0x21; 128]);
        let mut out = [f32::NAN; 256];
        q5_k(&block, &mut out);
        assert_eq!(out[..32], [0.5; 32]); // 0.5 * 1 * 1
        assert_eq!(out[32..64], [16.0; 32]); // 0.5 * 2 * 18 - 2 * 1
        assert_eq!(out[192..224], [-8.5; 32]); // 0.5 * 7 * 1 - 2 * 6
        assert_eq!(out[224..], [471.0; 32]); // 0.5 * 63 * 18 - 2 * 48
    }

    #[test]
    fn q6_k_by_hand() {
        let mut block = vec![0x21; 64]; // low nibbles of the first half: 1, then 2
        block.extend([0x43; 64]);
        block.extend([0b11_10_01_00; 64]); // high bits 0, 1, 2, 3
        block.extend((0..16_u8).map(|s| if s == 15 { 0x80 } else { s }));
        block.extend([0x00, 0xbc]); // d = -1
        let mut out = [f32::NAN; 256];
        q6_k(&block, &mut out);
        assert_eq!(out[16..18], [31.0, 31.0]); // scale 1, q = 1
        assert_eq!(out[32..33], [30.0]); // scale 2, q = 1 + 16
        assert_eq!(out[64..65], [-8.0]); // scale 4, q = 2 + 32
        assert_eq!(out[127..129], [-126.0, 232.0]); // scale 7, q = 2 + 48; scale 8, q = 3
        assert_eq!(out[255..], [2560.0]); // scale -128, q = 4 + 48
    }
}
