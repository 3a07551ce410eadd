//! Texts that are all different.

/// Two sentences of words that hardly come twice.
pub(crate) fn text(seed: u64, name: &str, n_words: usize, end: char) -> String {
    let mut state = name
        .bytes()
        .fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let word = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let letters = (state >> 20).to_le_bytes();
        letters
            .iter()
            .take(5)
            .flat_map(|&b| [b"bdfgklmnprst"[usize::from(b % 12)], b"aeiou"[usize::from(b / 12 % 5)]])
            .map(char::from)
            .collect::<String>()
    };
    let mut words: Vec<String> = (0..n_words).map(word).collect();
    let half = n_words / 2;
    for first in [0, half] {
        words[first] = words[first][..1].to_uppercase() + &words[first][1..];
    }
    format!("{}. {}{end}", words[..half].join(" "), words[half..].join(" "))
}
