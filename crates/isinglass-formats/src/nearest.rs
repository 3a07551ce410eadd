//! What somebody meant who asked for a name that is not there.

/// Longer names are no typing mistakes, and comparing takes the product of two lengths.
const LONGEST: usize = 256;

/// The candidate most like `name`, if any is much like it.
pub(crate) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    if name.len() > LONGEST {
        return None;
    }
    candidates
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (strsim::normalized_levenshtein(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_mistake_finds_its_name_and_nonsense_finds_none() {
        let names = ["output.weight", "output_norm.weight", "token_embd.weight"];
        assert_eq!(nearest("token_emb.weight", names.into_iter()).as_deref(), Some("token_embd.weight"));
        assert_eq!(nearest("zzz", names.into_iter()), None);
        assert_eq!(nearest(&"o".repeat(1000), names.into_iter()), None);
    }
}
