//! Sets of sites: what a hook wants, what a model has.

use std::collections::BTreeSet;
use std::ops::RangeBounds;

use crate::site::{Kind, Site, SiteId};

/// A set of sites, in the order of the forward pass.
///
/// A hook says with one what it wants, and a model's spec says with one what it has; the methods narrow it.
/// ```
/// use isinglass_core::{Kind, SiteSet, site::{pattern, resid_post}};
/// let has: SiteSet = (0..10).map(resid_post).collect::<SiteSet>().with(pattern(3));
/// let middle = has.of(Kind::ResidPost).depth(0.4..0.6).expect(2)?;
/// assert!(middle.contains(resid_post(4)) && middle.contains(resid_post(5)));
/// # Ok::<(), isinglass_core::SiteSetError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteSet(BTreeSet<SiteId>);

/// Why a selection of sites failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SiteSetError {
    /// The selection holds another number of sites than was expected.
    #[error("expected {expected} sites, the selection holds {found}")]
    Count {
        /// Sites expected.
        expected: usize,
        /// Sites selected.
        found: usize,
    },
    /// A pattern matches none of the model's sites.
    #[error("`{pattern}` matches none of the {n_sites} sites here: did you mean `{nearest}`?")]
    NoMatch {
        /// The pattern.
        pattern: String,
        /// Sites there are.
        n_sites: usize,
        /// The site whose name is nearest.
        nearest: String,
    },
}

impl SiteSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self(BTreeSet::new())
    }

    /// Whether the site is in the set.
    pub fn contains(&self, site: impl Into<SiteId>) -> bool {
        self.0.contains(&site.into())
    }

    /// Number of sites.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sites, in the order of the forward pass.
    pub fn iter(&self) -> impl Iterator<Item = SiteId> + '_ {
        self.0.iter().copied()
    }

    /// The set and one site more.
    #[must_use]
    pub fn with(mut self, site: impl Into<SiteId>) -> Self {
        self.0.insert(site.into());
        self
    }

    /// Every site of either set.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Self {
        self.0.extend(&other.0);
        self
    }

    /// Only the sites of one kind.
    #[must_use]
    pub fn of(mut self, kind: Kind) -> Self {
        self.0.retain(|s| s.kind() == kind);
        self
    }

    /// Only the sites of these layers; sites outside the layers go.
    #[must_use]
    pub fn layers(mut self, layers: impl RangeBounds<usize>) -> Self {
        self.0.retain(|s| s.layer().is_some_and(|l| layers.contains(&l)));
        self
    }

    /// Only the sites at these relative depths: layer `l` of `n` spans depths `l / n` to `(l + 1) / n` and is kept when
    /// its middle is in the range.
    #[must_use]
    pub fn depth(mut self, depths: impl RangeBounds<f32>) -> Self {
        let Some(last) = self.0.iter().filter_map(|s| s.layer()).max() else { return Self::new() };
        let n = last as f32 + 1.0;
        self.0.retain(|s| s.layer().is_some_and(|l| depths.contains(&((l as f32 + 0.5) / n))));
        self
    }

    /// The set itself, if it holds `n` sites.
    ///
    /// # Errors
    /// [`SiteSetError::Count`] if it holds more or fewer.
    pub fn expect(self, n: usize) -> Result<Self, SiteSetError> {
        if self.len() == n { Ok(self) } else { Err(SiteSetError::Count { expected: n, found: self.len() }) }
    }

    /// The sites that a comma-separated list of names and patterns selects.
    ///
    /// Each item is `all`, a site's name (`blocks.12.hook_resid_post`, `blocks.12.resid_post`), a kind by the name of
    /// its function, meaning every layer (`resid_post`), or a name with `*` for any run of characters
    /// (`blocks.*.attn.hook_z`).
    ///
    /// # Errors
    /// [`SiteSetError::NoMatch`] if an item selects nothing here; a wrong name is never an empty selection.
    pub fn select(&self, list: &str) -> Result<Self, SiteSetError> {
        let mut chosen = Self::new();
        for item in list.split(',').map(str::trim) {
            let hits: Vec<SiteId> = self.iter().filter(|s| selects(item, *s)).collect();
            if hits.is_empty() {
                return Err(self.no_match(item));
            }
            chosen.0.extend(hits);
        }
        Ok(chosen)
    }

    /// The site here whose name is nearest to `name`, by edit distance.
    pub fn nearest(&self, name: &str) -> Option<SiteId> {
        let distance = |site: &SiteId| {
            let full = site.to_string();
            let short = full.replace("hook_", "");
            strsim::damerau_levenshtein(&full, name).min(strsim::damerau_levenshtein(&short, name))
        };
        self.iter().min_by_key(distance)
    }

    fn no_match(&self, pattern: &str) -> SiteSetError {
        let functions = self.iter().map(|site| site.kind().function().to_owned());
        let sites = self.nearest(pattern).map(|site| site.to_string());
        let distance =
            |name: &String| strsim::damerau_levenshtein(&name.replace("hook_", ""), &pattern.replace("hook_", ""));
        let nearest = functions.chain(sites).min_by_key(distance).unwrap_or_else(|| "all".into());
        SiteSetError::NoMatch { pattern: pattern.into(), n_sites: self.len(), nearest }
    }
}

fn selects(item: &str, site: SiteId) -> bool {
    if item == "all" || item == site.kind().function() {
        return true;
    }
    let name = site.to_string();
    glob(item, &name) || glob(item, &name.replace("hook_", ""))
}

/// Whether `pattern`, in which `*` stands for any run of characters, covers all of `text`.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, mut rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    while let Some((part, after)) = rest.split_once('*') {
        let Some(at) = text.find(part) else { return false };
        (text, rest) = (&text[at + part.len()..], after);
    }
    text.ends_with(rest)
}

impl<S: Into<SiteId>> FromIterator<S> for SiteSet {
    fn from_iter<I: IntoIterator<Item = S>>(sites: I) -> Self {
        Self(sites.into_iter().map(Into::into).collect())
    }
}

impl<S: Into<SiteId>, const N: usize> From<[S; N]> for SiteSet {
    fn from(sites: [S; N]) -> Self {
        sites.into_iter().collect()
    }
}

impl<const R: usize> From<Site<R>> for SiteSet {
    fn from(site: Site<R>) -> Self {
        [site].into()
    }
}

impl From<SiteId> for SiteSet {
    fn from(site: SiteId) -> Self {
        [site].into()
    }
}

impl IntoIterator for SiteSet {
    type Item = SiteId;
    type IntoIter = std::collections::btree_set::IntoIter<SiteId>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::{embed, pattern, resid_post, z};

    fn has() -> SiteSet {
        (0..4).flat_map(|l| [resid_post(l).id(), z(l).id(), pattern(l).id()]).collect::<SiteSet>().with(embed())
    }

    #[test]
    fn lists_patterns_and_kinds_select() {
        let n = |list: &str| has().select(list).unwrap().len();
        assert_eq!(n("all"), 13);
        assert_eq!(n("resid_post"), 4);
        assert_eq!(n("blocks.2.resid_post, blocks.3.hook_resid_post"), 2);
        assert_eq!(n("blocks.*.attn.hook_*"), 8);
        assert_eq!(n("blocks.1.*,blocks.1.attn.z"), 3);
        assert_eq!(n("hook_embed,embed"), 1);
    }

    #[test]
    fn an_item_that_selects_nothing_is_an_error() {
        let error = has().select("resid_post,blocks.9.resid_post").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`blocks.9.resid_post` matches none of the 13 sites here: did you mean `blocks.0.hook_resid_post`?"
        );
        let error = has().select("resid_pots").unwrap_err().to_string();
        assert!(error.ends_with("did you mean `resid_post`?"), "{error}");
        assert!(has().select("").is_err() && has().select("resid_post,").is_err());
        assert!(SiteSet::new().select("all").is_err());
    }

    #[test]
    fn layers_and_depths_narrow() {
        assert_eq!(has().layers(1..3).len(), 6);
        assert_eq!(has().of(Kind::Z).depth(..0.5).len(), 2);
        assert_eq!(has().depth(..).len(), 12);
        assert_eq!(has().of(Kind::Z).expect(5), Err(SiteSetError::Count { expected: 5, found: 4 }));
    }

    #[test]
    fn stars_cover_any_run() {
        assert!(glob("a*c*e", "abcde") && glob("*", "") && glob("a*", "a") && glob("a", "a"));
        assert!(!glob("a*d", "abc") && !glob("a", "ab") && !glob("*b*b", "ab"));
    }
}
