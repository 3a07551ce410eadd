//! Many penalised logistic regressions over the same rows at once.
//!
//! Newton's method, whose steps are found by conjugate gradients (Lin, Weng and Keerthi, "Trust region Newton method for
//! large-scale logistic regression", 2008). All problems go in step, so that each product with the rows is one product of
//! matrices however many problems there are; every problem reaches its own optimum, and none sees the others.

use faer::{Accum, Mat, MatRef};

use super::sigmoid::sigmoid;
use crate::algebra::{Cholesky, multiply};

/// Rows that problems share: `[n, width]`, with the inner products of their columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Design<'a> {
    pub(crate) rows: MatRef<'a, f64>,
    pub(crate) gram: Gram<'a>,
}

/// Inner products of the columns of the rows, which say how a step should be scaled.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Gram<'a> {
    /// The columns are orthogonal; their squared lengths.
    Orthogonal(&'a [f64]),
    /// All of them, `[width, width]`.
    Full(MatRef<'a, f64>),
}

/// What is minimised: `|w|² / 2 + c Σ_i weight_i loss_i(rows_i · w + b)`, the intercept `b` unpenalised.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Newton {
    pub(crate) c: f64,
    pub(crate) intercept: bool,
    /// Length of the gradient, over `c Σ weight`, at which a problem is done.
    pub(crate) tolerance: f64,
    pub(crate) max_steps: usize,
}

/// Problems of `classes` columns each: one for a logistic loss, several for a softmax over them.
#[derive(Debug, Clone)]
pub(crate) struct Problems {
    pub(crate) classes: usize,
    /// What each column should predict, within 0 and 1: `[n, problems × classes]`.
    pub(crate) targets: Mat<f64>,
    /// Weight of each row, `[n, problems]`; 1 without.
    pub(crate) weights: Option<Mat<f64>>,
}

/// Where the problems ended.
#[derive(Debug)]
pub(crate) struct Optima {
    /// `[width, problems × classes]`
    pub(crate) w: Mat<f64>,
    /// `[problems × classes]`
    pub(crate) b: Vec<f64>,
    /// Newton steps of the slowest problem.
    pub(crate) steps: usize,
    /// Problems whose gradient stayed above the tolerance.
    pub(crate) unfinished: usize,
}

/// Most conjugate gradients within one Newton step.
const MAX_INNER: usize = 250;

/// Most lengths of a step that are tried.
const MAX_TRIALS: usize = 40;

impl Newton {
    pub(crate) fn solve(&self, design: Design<'_>, problems: Problems) -> Optima {
        let (width, columns) = (design.rows.ncols(), problems.targets.ncols());
        let mut optima = Optima { w: Mat::zeros(width, columns), b: vec![0.0; columns], steps: 0, unfinished: 0 };
        let mut live = Live::new(problems, design);
        let mut first_norms = None;
        loop {
            let mut gradient = self.gradient(design, &live);
            let norms: Vec<f64> = (0..live.len()).map(|p| gradient.dot(live.columns(p), &gradient).sqrt()).collect();
            let first_norms = first_norms.get_or_insert_with(|| norms.clone());
            let (done, going): (Vec<usize>, Vec<usize>) =
                (0..live.len()).partition(|&p| norms[p] <= self.tolerance * self.c * live.weight(p));
            for &p in &done {
                live.write(p, &mut optima);
            }
            let norms: Vec<f64> = going.iter().map(|&p| norms[p] / first_norms[live.ids[p]]).collect();
            if !done.is_empty() {
                gradient = gradient.of(&live.all_columns(&going));
                live = live.of(&going);
            }
            if going.is_empty() {
                return optima;
            }
            if optima.steps == self.max_steps {
                optima.unfinished = live.len();
                (0..live.len()).for_each(|p| live.write(p, &mut optima));
                return optima;
            }
            optima.steps += 1;
            let (step, along) = self.newton_step(design, &live, &gradient, &norms);
            live.advance(self, &gradient, &step, &along);
        }
    }

    /// `w + c rowsᵀ residuals`, and for the intercept `c Σ residuals`.
    fn gradient(&self, design: Design<'_>, live: &Live) -> Vectors {
        let mut residuals = live.chances.clone();
        for p in 0..live.len() {
            for j in live.columns(p) {
                let target = live.targets.col_as_slice(j);
                residuals.col_as_slice_mut(j).iter_mut().zip(target).for_each(|(r, t)| *r -= t);
                if let Some(weights) = &live.weights {
                    scale(residuals.col_as_slice_mut(j), weights.col_as_slice(p));
                }
            }
        }
        let mut gradient = live.at.clone();
        self.add_products(design, &residuals, &mut gradient);
        gradient
    }

    /// `to.w += c rowsᵀ values` and `to.b = c Σ values`.
    fn add_products(&self, design: Design<'_>, values: &Mat<f64>, to: &mut Vectors) {
        multiply(to.w.as_mut(), Accum::Add, design.rows.transpose(), values.as_ref(), self.c);
        for (j, b) in to.b.iter_mut().enumerate() {
            *b = if self.intercept { self.c * values.col_as_slice(j).iter().sum::<f64>() } else { 0.0 };
        }
    }

    /// Solves `Hessian × step = -gradient` for every problem, nearer the nearer its optimum is; also `rows × step`.
    fn newton_step(&self, design: Design<'_>, live: &Live, gradient: &Vectors, norms: &[f64]) -> (Vectors, Mat<f64>) {
        let (n, width, columns) = (design.rows.nrows(), design.rows.ncols(), live.targets.ncols());
        let precondition = Precondition::new(self, design, live);
        let mut step = Vectors::zeros(width, columns);
        let mut along: Mat<f64> = Mat::zeros(n, columns);
        let mut rest = gradient.clone();
        rest.negate();
        let mut scaled = precondition.apply(&rest, live, None);
        let mut towards = scaled.clone();
        let mut lengths: Vec<f64> = (0..live.len()).map(|p| rest.dot(live.columns(p), &scaled)).collect();
        // An error of the step that shrinks with the gradient keeps Newton's convergence faster than linear.
        let enough: Vec<f64> = lengths.iter().zip(norms).map(|(length, norm)| length * norm.min(0.1)).collect();
        let mut going: Vec<usize> = (0..live.len()).collect();
        for _ in 0..MAX_INNER.min((width + 1) * live.classes) {
            going.retain(|&p| lengths[p] > enough[p]);
            if going.is_empty() {
                break;
            }
            let chosen = live.all_columns(&going);
            let direction = if going.len() == live.len() { towards.clone() } else { towards.of(&chosen) };
            let mut scores: Mat<f64> = Mat::zeros(n, chosen.len());
            multiply(scores.as_mut(), Accum::Replace, design.rows, direction.w.as_ref(), 1.0);
            if self.intercept {
                for (j, b) in direction.b.iter().enumerate() {
                    scores.col_as_slice_mut(j).iter_mut().for_each(|s| *s += b);
                }
            }
            let mut curved = scores.clone();
            for (i, &p) in going.iter().enumerate() {
                live.curve(p, &mut curved, i * live.classes);
            }
            let mut product = direction.clone();
            self.add_products(design, &curved, &mut product);
            for (i, &p) in going.iter().enumerate() {
                let (local, all) = (i * live.classes..(i + 1) * live.classes, live.columns(p));
                let curvature = direction.dot(local.clone(), &product);
                let length = lengths[p] / curvature;
                for (l, j) in local.zip(all) {
                    step.add(j, length, &direction, l);
                    rest.add(j, -length, &product, l);
                    axpy(along.col_as_slice_mut(j), length, scores.col_as_slice(l));
                }
            }
            if going.len() == live.len() {
                scaled = precondition.apply(&rest, live, None);
                for &p in &going {
                    let next = rest.dot(live.columns(p), &scaled);
                    towards.turn(live.columns(p), next / lengths[p], &scaled, live.columns(p).start);
                    lengths[p] = next;
                }
            } else {
                let rest = rest.of(&chosen);
                let scaled = precondition.apply(&rest, live, Some(&going));
                for (i, &p) in going.iter().enumerate() {
                    let local = i * live.classes..(i + 1) * live.classes;
                    let next = rest.dot(local.clone(), &scaled);
                    towards.turn(live.columns(p), next / lengths[p], &scaled, local.start);
                    lengths[p] = next;
                }
            }
        }
        (step, along)
    }
}

/// The problems that are not done, in columns one after another.
#[derive(Debug)]
struct Live {
    ids: Vec<usize>,
    classes: usize,
    targets: Mat<f64>,
    weights: Option<Mat<f64>>,
    at: Vectors,
    /// `rows × w + b`
    scores: Mat<f64>,
    /// What the scores predict: a sigmoid or a softmax of them.
    chances: Mat<f64>,
}

impl Live {
    fn new(problems: Problems, design: Design<'_>) -> Self {
        let (n, columns) = (problems.targets.nrows(), problems.targets.ncols());
        let Problems { classes, targets, weights } = problems;
        let mut live = Self {
            ids: (0..columns / classes).collect(),
            classes,
            targets,
            weights,
            at: Vectors::zeros(design.rows.ncols(), columns),
            scores: Mat::zeros(n, columns),
            chances: Mat::zeros(n, columns),
        };
        (0..live.len()).for_each(|p| live.predict(p));
        live
    }

    fn len(&self) -> usize {
        self.ids.len()
    }

    fn columns(&self, problem: usize) -> std::ops::Range<usize> {
        problem * self.classes..(problem + 1) * self.classes
    }

    fn all_columns(&self, problems: &[usize]) -> Vec<usize> {
        problems.iter().flat_map(|&p| self.columns(p)).collect()
    }

    fn of(&self, problems: &[usize]) -> Self {
        let columns = self.all_columns(problems);
        Self {
            ids: problems.iter().map(|&p| self.ids[p]).collect(),
            classes: self.classes,
            targets: gather(&self.targets, &columns),
            weights: self.weights.as_ref().map(|weights| gather(weights, problems)),
            at: self.at.of(&columns),
            scores: gather(&self.scores, &columns),
            chances: gather(&self.chances, &columns),
        }
    }

    fn weight(&self, problem: usize) -> f64 {
        let n = self.targets.nrows() as f64;
        self.weights.as_ref().map_or(n, |weights| weights.col_as_slice(problem).iter().sum())
    }

    fn write(&self, problem: usize, optima: &mut Optima) {
        let to = self.ids[problem] * self.classes;
        for (i, j) in self.columns(problem).enumerate() {
            optima.w.col_as_slice_mut(to + i).copy_from_slice(self.at.w.col_as_slice(j));
            optima.b[to + i] = self.at.b[j];
        }
    }

    /// Sets the chances of a problem from its scores.
    fn predict(&mut self, problem: usize) {
        let columns = self.columns(problem);
        for j in columns.clone() {
            self.chances.col_as_slice_mut(j).copy_from_slice(self.scores.col_as_slice(j));
        }
        if self.classes == 1 {
            sigmoid(self.chances.col_as_slice_mut(columns.start));
            return;
        }
        for i in 0..self.chances.nrows() {
            let greatest = columns.clone().map(|j| self.chances[(i, j)]).fold(f64::NEG_INFINITY, f64::max);
            let mut sum = 0.0;
            for j in columns.clone() {
                let e = (self.chances[(i, j)] - greatest).exp();
                self.chances[(i, j)] = e;
                sum += e;
            }
            columns.clone().for_each(|j| self.chances[(i, j)] /= sum);
        }
    }

    /// The second derivative of the loss times what is in the columns of `values` from `first` on.
    fn curve(&self, problem: usize, values: &mut Mat<f64>, first: usize) {
        let columns = self.columns(problem);
        if self.classes == 1 {
            let chances = self.chances.col_as_slice(columns.start);
            values.col_as_slice_mut(first).iter_mut().zip(chances).for_each(|(v, c)| *v *= c * (1.0 - c));
        } else {
            for i in 0..values.nrows() {
                let mean: f64 =
                    columns.clone().enumerate().map(|(l, j)| self.chances[(i, j)] * values[(i, first + l)]).sum();
                for (l, j) in columns.clone().enumerate() {
                    let value = &mut values[(i, first + l)];
                    *value = self.chances[(i, j)] * (*value - mean);
                }
            }
        }
        if let Some(weights) = &self.weights {
            for l in 0..self.classes {
                scale(values.col_as_slice_mut(first + l), weights.col_as_slice(problem));
            }
        }
    }

    /// Goes along the step to where the slope is a tenth of what it was, by Newton's method within a bracket: a trial costs
    /// no product with the rows, and far from the optimum the step is too short by far.
    fn advance(&mut self, newton: &Newton, gradient: &Vectors, step: &Vectors, along: &Mat<f64>) {
        for p in 0..self.len() {
            let columns = self.columns(p);
            let start = gradient.dot(columns.clone(), step);
            let (mut taken, mut next, mut low, mut high) = (0.0, 1.0, 0.0, f64::INFINITY);
            for _ in 0..MAX_TRIALS {
                for j in columns.clone() {
                    self.at.add(j, next - taken, step, j);
                    axpy(self.scores.col_as_slice_mut(j), next - taken, along.col_as_slice(j));
                }
                taken = next;
                self.predict(p);
                let (slope, curvature) = self.slope(newton, p, step, along);
                if slope.abs() <= 0.1 * start.abs() {
                    break;
                }
                *(if slope < 0.0 { &mut low } else { &mut high }) = taken;
                next = (taken - slope / curvature).min(4.0 * taken);
                if !(low < next && next < high) {
                    next = f64::midpoint(low, high.min(8.0 * taken));
                }
            }
        }
    }

    /// The first and second derivative of what is minimised along the step.
    fn slope(&self, newton: &Newton, problem: usize, step: &Vectors, along: &Mat<f64>) -> (f64, f64) {
        let columns = self.columns(problem);
        let mut curved = gather(along, &columns.clone().collect::<Vec<_>>());
        self.curve(problem, &mut curved, 0);
        let weights = self.weights.as_ref().map(|weights| weights.col_as_slice(problem));
        let (mut slope, mut curvature) = (0.0, 0.0);
        for (l, j) in columns.enumerate() {
            let (w, step, along) = (self.at.w.col_as_slice(j), step.w.col_as_slice(j), along.col_as_slice(j));
            let parts = self.chances.col_as_slice(j).iter().zip(self.targets.col_as_slice(j)).zip(along);
            let loss: f64 = match weights {
                None => parts.map(|((c, t), a)| (c - t) * a).sum(),
                Some(weights) => parts.zip(weights).map(|(((c, t), a), w)| w * (c - t) * a).sum(),
            };
            slope += dot(w, step) + newton.c * loss;
            curvature += dot(step, step) + newton.c * dot(curved.col_as_slice(l), along);
        }
        (slope, curvature)
    }
}

/// Vectors of every column of some problems: weights, and an intercept each.
#[derive(Debug, Clone)]
struct Vectors {
    w: Mat<f64>,
    b: Vec<f64>,
}

impl Vectors {
    fn zeros(width: usize, columns: usize) -> Self {
        Self { w: Mat::zeros(width, columns), b: vec![0.0; columns] }
    }

    fn of(&self, columns: &[usize]) -> Self {
        Self { w: gather(&self.w, columns), b: columns.iter().map(|&j| self.b[j]).collect() }
    }

    fn negate(&mut self) {
        for j in 0..self.w.ncols() {
            self.w.col_as_slice_mut(j).iter_mut().for_each(|v| *v = -*v);
        }
        self.b.iter_mut().for_each(|v| *v = -*v);
    }

    /// `self[mine] += scale × other[theirs]`
    fn add(&mut self, mine: usize, scale: f64, other: &Self, theirs: usize) {
        axpy(self.w.col_as_slice_mut(mine), scale, other.w.col_as_slice(theirs));
        self.b[mine] += scale * other.b[theirs];
    }

    /// `self[columns] = keep × self[columns] + other[first..]`
    fn turn(&mut self, columns: std::ops::Range<usize>, keep: f64, other: &Self, first: usize) {
        for (l, j) in columns.enumerate() {
            let new = other.w.col_as_slice(first + l);
            self.w.col_as_slice_mut(j).iter_mut().zip(new).for_each(|(v, new)| *v = keep * *v + new);
            self.b[j] = keep * self.b[j] + other.b[first + l];
        }
    }

    /// Sum of products over the columns, which are the same in both.
    fn dot(&self, columns: std::ops::Range<usize>, other: &Self) -> f64 {
        columns.map(|j| dot(self.w.col_as_slice(j), other.w.col_as_slice(j)) + self.b[j] * other.b[j]).sum()
    }
}

/// An easy stand-in for the inverse of the Hessian.
enum Precondition {
    /// `1 / (1 + c curvature length²)` for each column of the rows, and `1 / (c Σ curvature)` for the intercept.
    Orthogonal { w: Mat<f64>, b: Vec<f64> },
    /// The inverse of `1 + c curvature gram` for the mean curvature of all problems.
    Full { inverse: Cholesky, b: Vec<f64> },
}

impl Precondition {
    fn new(newton: &Newton, design: Design<'_>, live: &Live) -> Self {
        let n = design.rows.nrows() as f64;
        // Σ over rows of the second derivative of each column.
        let curvatures: Vec<f64> = (0..live.targets.ncols())
            .map(|j| {
                let chances = live.chances.col_as_slice(j).iter().map(|c| c * (1.0 - c));
                match &live.weights {
                    None => chances.sum(),
                    Some(weights) => chances.zip(weights.col_as_slice(j / live.classes)).map(|(c, w)| c * w).sum(),
                }
            })
            .collect();
        let least = f64::MIN_POSITIVE.sqrt();
        let b =
            curvatures.iter().map(|c| if newton.intercept { 1.0 / (newton.c * c).max(least) } else { 0.0 }).collect();
        match design.gram {
            Gram::Orthogonal(lengths) => Self::Orthogonal {
                w: Mat::from_fn(lengths.len(), curvatures.len(), |i, j| {
                    1.0 / (1.0 + newton.c * curvatures[j] / n * lengths[i])
                }),
                b,
            },
            Gram::Full(gram) => {
                let mean = curvatures.iter().sum::<f64>() / (n * curvatures.len() as f64);
                let mut hessian = gram.to_owned();
                for j in 0..hessian.ncols() {
                    hessian.col_as_slice_mut(j).iter_mut().for_each(|v| *v *= newton.c * mean);
                    hessian[(j, j)] += 1.0;
                }
                // One plus a square is positive, unless a product overflowed: then steps are only slower without it.
                match Cholesky::new(hessian) {
                    Some(inverse) => Self::Full { inverse, b },
                    None => Self::Orthogonal { w: Mat::full(gram.ncols(), curvatures.len(), 1.0), b },
                }
            }
        }
    }

    fn apply(&self, vectors: &Vectors, live: &Live, problems: Option<&[usize]>) -> Vectors {
        let column =
            |l: usize| problems.map_or(l, |problems| problems[l / live.classes] * live.classes + l % live.classes);
        let mut out = vectors.clone();
        let b = match self {
            Self::Orthogonal { w, b } => {
                (0..out.b.len()).for_each(|l| scale(out.w.col_as_slice_mut(l), w.col_as_slice(column(l))));
                b
            }
            Self::Full { inverse, b } => {
                inverse.solve(out.w.as_mut());
                b
            }
        };
        out.b.iter_mut().enumerate().for_each(|(l, v)| *v *= b[column(l)]);
        out
    }
}

fn gather(from: &Mat<f64>, columns: &[usize]) -> Mat<f64> {
    let mut to = Mat::zeros(from.nrows(), columns.len());
    for (l, &j) in columns.iter().enumerate() {
        to.col_as_slice_mut(l).copy_from_slice(from.col_as_slice(j));
    }
    to
}

fn axpy(to: &mut [f64], scale: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(t, f)| *t += scale * f);
}

fn scale(values: &mut [f64], by: &[f64]) {
    values.iter_mut().zip(by).for_each(|(v, b)| *v *= b);
}

/// Eight sums side by side, so that the compiler may use wide registers.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (left, right) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in left.zip(right) {
        for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += x * y;
        }
    }
    sums.iter().sum::<f64>() + rest
}
