//! Hooks: watch or edit activations during one forward pass.

use burn::tensor::Tensor;

use crate::site::{Site, SiteId};
use crate::site_set::SiteSet;
use crate::tokens::Layout;

/// What a hook is told besides the activation.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a, const R: usize> {
    /// The site visited.
    pub site: Site<R>,
    /// Which columns are real tokens, and at which positions.
    pub layout: &'a Layout,
}

/// Watches or edits activations during one forward pass.
///
/// A hook says once per run which sites it wants; the run is refused if the model lacks one.
/// At each it gets the activation by value and returns what the model continues with: an observer keeps a clone, an
/// editor returns another tensor of the same shape.
///
/// Hooks compose: a tuple runs left to right, so `(steer, &mut cache)` caches the steered value; `()` is no hook; a
/// closure becomes one by [`edit`], [`edit_at`] or [`observe`].
pub trait Hook {
    /// The sites this hook wants, read once per run.
    fn sites(&self) -> SiteSet;

    /// Whether it wants one site; asked only within a tuple. Override it where looking is cheaper than collecting.
    fn wants(&self, site: SiteId) -> bool {
        self.sites().contains(site)
    }

    /// Called at wanted sites of rank 3, `[batch, pos, width]`.
    fn stream(&mut self, at: Visit<'_, 3>, x: Tensor<3>) -> Tensor<3> {
        let _ = at;
        x
    }

    /// Called at wanted sites of rank 4; docs/SITES.md gives the axes of each.
    fn heads(&mut self, at: Visit<'_, 4>, x: Tensor<4>) -> Tensor<4> {
        let _ = at;
        x
    }
}

impl Hook for () {
    fn sites(&self) -> SiteSet {
        SiteSet::new()
    }
}

macro_rules! forward_hook {
    ($($head:tt)*) => {
        $($head)* {
            fn sites(&self) -> SiteSet {
                (**self).sites()
            }
            fn wants(&self, site: SiteId) -> bool {
                (**self).wants(site)
            }
            fn stream(&mut self, at: Visit<'_, 3>, x: Tensor<3>) -> Tensor<3> {
                (**self).stream(at, x)
            }
            fn heads(&mut self, at: Visit<'_, 4>, x: Tensor<4>) -> Tensor<4> {
                (**self).heads(at, x)
            }
        }
    };
}

forward_hook!(impl<H: Hook + ?Sized> Hook for &mut H);
forward_hook!(impl<H: Hook + ?Sized> Hook for Box<H>);

/// Runs each member that wants the site, first to last.
macro_rules! in_order {
    ($($member:ident $index:tt),+) => {
        impl<$($member: Hook),+> Hook for ($($member,)+) {
            fn sites(&self) -> SiteSet {
                SiteSet::new()$(.union(&self.$index.sites()))+
            }
            fn wants(&self, site: SiteId) -> bool {
                false $(|| self.$index.wants(site))+
            }
            fn stream(&mut self, at: Visit<'_, 3>, mut x: Tensor<3>) -> Tensor<3> {
                $(if self.$index.wants(at.site.id()) { x = self.$index.stream(at, x); })+
                x
            }
            fn heads(&mut self, at: Visit<'_, 4>, mut x: Tensor<4>) -> Tensor<4> {
                $(if self.$index.wants(at.site.id()) { x = self.$index.heads(at, x); })+
                x
            }
        }
    };
}

in_order!(A 0, B 1);
in_order!(A 0, B 1, C 2);
in_order!(A 0, B 1, C 2, D 3);
in_order!(A 0, B 1, C 2, D 3, E 4);
in_order!(A 0, B 1, C 2, D 3, E 4, F 5);

/// Hooks in a list run first to last, like a tuple.
impl<H: Hook> Hook for Vec<H> {
    fn sites(&self) -> SiteSet {
        self.iter().fold(SiteSet::new(), |set, hook| set.union(&hook.sites()))
    }
    fn wants(&self, site: SiteId) -> bool {
        self.iter().any(|hook| hook.wants(site))
    }
    fn stream(&mut self, at: Visit<'_, 3>, x: Tensor<3>) -> Tensor<3> {
        self.iter_mut().filter(|hook| hook.wants(at.site.id())).fold(x, |x, hook| hook.stream(at, x))
    }
    fn heads(&mut self, at: Visit<'_, 4>, x: Tensor<4>) -> Tensor<4> {
        self.iter_mut().filter(|hook| hook.wants(at.site.id())).fold(x, |x, hook| hook.heads(at, x))
    }
}

/// A hook that may be absent.
impl<H: Hook> Hook for Option<H> {
    fn sites(&self) -> SiteSet {
        self.as_ref().map(Hook::sites).unwrap_or_default()
    }
    fn wants(&self, site: SiteId) -> bool {
        self.as_ref().is_some_and(|hook| hook.wants(site))
    }
    fn stream(&mut self, at: Visit<'_, 3>, x: Tensor<3>) -> Tensor<3> {
        match self {
            Some(hook) => hook.stream(at, x),
            None => x,
        }
    }
    fn heads(&mut self, at: Visit<'_, 4>, x: Tensor<4>) -> Tensor<4> {
        match self {
            Some(hook) => hook.heads(at, x),
            None => x,
        }
    }
}

/// A closure as a hook at one site; made by [`edit`] and [`edit_at`].
#[derive(Debug, Clone)]
pub struct Edit<const R: usize, F> {
    site: Site<R>,
    edit: F,
}

/// Replaces the activation at a site by what a closure makes of it.
///
/// ```
/// use isinglass_core::{edit, site::mlp_out};
/// let without_mlp_3 = edit(mlp_out(3), |x| x.zeros_like());
/// ```
pub fn edit<const R: usize, F: FnMut(Tensor<R>) -> Tensor<R>>(
    site: Site<R>,
    mut f: F,
) -> Edit<R, impl FnMut(Visit<'_, R>, Tensor<R>) -> Tensor<R>> {
    edit_at(site, move |_: Visit<'_, R>, x| f(x))
}

/// Like [`edit`], for a closure that asks where the tokens are.
pub fn edit_at<const R: usize, F>(site: Site<R>, f: F) -> Edit<R, F>
where
    F: FnMut(Visit<'_, R>, Tensor<R>) -> Tensor<R>,
{
    Edit { site, edit: f }
}

impl<F: FnMut(Visit<'_, 3>, Tensor<3>) -> Tensor<3>> Hook for Edit<3, F> {
    fn sites(&self) -> SiteSet {
        self.site.into()
    }
    fn wants(&self, site: SiteId) -> bool {
        self.site.id() == site
    }
    fn stream(&mut self, at: Visit<'_, 3>, x: Tensor<3>) -> Tensor<3> {
        (self.edit)(at, x)
    }
}

impl<F: FnMut(Visit<'_, 4>, Tensor<4>) -> Tensor<4>> Hook for Edit<4, F> {
    fn sites(&self) -> SiteSet {
        self.site.into()
    }
    fn wants(&self, site: SiteId) -> bool {
        self.site.id() == site
    }
    fn heads(&mut self, at: Visit<'_, 4>, x: Tensor<4>) -> Tensor<4> {
        (self.edit)(at, x)
    }
}

/// A closure as a hook at several sites of one rank; made by [`edit_each`].
#[derive(Debug, Clone)]
pub struct EditEach<const R: usize, F> {
    sites: SiteSet,
    edit: F,
}

/// Replaces the activation at each of several sites; the closure is told which.
///
/// ```
/// use isinglass_core::{edit_each, site::resid_post};
/// let halved = edit_each((0..12).map(resid_post), |_, x| x * 0.5);
/// ```
pub fn edit_each<const R: usize, F>(sites: impl IntoIterator<Item = Site<R>>, f: F) -> EditEach<R, F>
where
    F: FnMut(Visit<'_, R>, Tensor<R>) -> Tensor<R>,
{
    EditEach { sites: sites.into_iter().collect(), edit: f }
}

impl<F: FnMut(Visit<'_, 3>, Tensor<3>) -> Tensor<3>> Hook for EditEach<3, F> {
    fn sites(&self) -> SiteSet {
        self.sites.clone()
    }
    fn wants(&self, site: SiteId) -> bool {
        self.sites.contains(site)
    }
    fn stream(&mut self, at: Visit<'_, 3>, x: Tensor<3>) -> Tensor<3> {
        (self.edit)(at, x)
    }
}

impl<F: FnMut(Visit<'_, 4>, Tensor<4>) -> Tensor<4>> Hook for EditEach<4, F> {
    fn sites(&self) -> SiteSet {
        self.sites.clone()
    }
    fn wants(&self, site: SiteId) -> bool {
        self.sites.contains(site)
    }
    fn heads(&mut self, at: Visit<'_, 4>, x: Tensor<4>) -> Tensor<4> {
        (self.edit)(at, x)
    }
}

/// A closure that looks and changes nothing; made by [`observe`].
#[derive(Debug, Clone)]
pub struct Observe<const R: usize, F> {
    site: Site<R>,
    look: F,
}

/// Shows the activation at a site to a closure.
pub fn observe<const R: usize, F: FnMut(Visit<'_, R>, &Tensor<R>)>(site: Site<R>, f: F) -> Observe<R, F> {
    Observe { site, look: f }
}

impl<F: FnMut(Visit<'_, 3>, &Tensor<3>)> Hook for Observe<3, F> {
    fn sites(&self) -> SiteSet {
        self.site.into()
    }
    fn wants(&self, site: SiteId) -> bool {
        self.site.id() == site
    }
    fn stream(&mut self, at: Visit<'_, 3>, x: Tensor<3>) -> Tensor<3> {
        (self.look)(at, &x);
        x
    }
}

impl<F: FnMut(Visit<'_, 4>, &Tensor<4>)> Hook for Observe<4, F> {
    fn sites(&self) -> SiteSet {
        self.site.into()
    }
    fn wants(&self, site: SiteId) -> bool {
        self.site.id() == site
    }
    fn heads(&mut self, at: Visit<'_, 4>, x: Tensor<4>) -> Tensor<4> {
        (self.look)(at, &x);
        x
    }
}
