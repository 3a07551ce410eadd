#!/usr/bin/env python3
"""Times our logistic probes and scikit-learn's on the same rows in one run, and compares their coefficients.

    cargo build --release --workspace --examples
    python3 -m venv env && env/bin/pip install -r benches/vs_python/requirements.txt
    env/bin/python benches/vs_python/probes.py [--rounds 3] [--json out.json]

cv    five-fold logistic regression (C = 1, standardised inside the folds) on 2000 rows of 576, scores and AUROC of each fold.
      scikit-learn: cross_val_score of a pipeline of StandardScaler and LogisticRegression (lbfgs), once at the same gradient
      tolerance as ours and once at its defaults. Both stop by the gradient of the mean loss plus the penalty over C n:
      scikit-learn by its greatest entry, ours by its length, which is never less.
null  1,000 shuffles of the labels x 5 folds x 30 layers on 270 rows of 576, every fit to the same tolerance. scikit-learn's
      time is extrapolated: the time of one fit with its scores (the mean over shuffles of the five folds, scaler included)
      times the number of fits.

Both use two threads, in turn within a round; `best` over the repetitions, the median of the rounds is printed. Rows are drawn
in Python from a seed, rounded to f32, and read by both. Judge by a quiet machine.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

THREADS = os.environ.setdefault("PEER_THREADS", "2")
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = THREADS

import numpy as np
import scipy
import sklearn
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ROOT = Path(__file__).resolve().parents[2]


def rows(n, d, seed, shift):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    x = rng.normal(size=(n, d)) @ (np.eye(d) + rng.normal(size=(d, d)) / d**0.5) + np.outer(y - 0.5, rng.normal(size=d)) * shift
    fold = np.empty(n, dtype=np.int64)
    for i, (_, test) in enumerate(StratifiedKFold(5, shuffle=True, random_state=seed).split(x, y)):
        fold[test] = i
    return x.astype(np.float32), y.astype(np.int64), fold


def ours(binary, case, data, tolerance, *more):
    out = subprocess.run([binary, case, "--data", data, "--tolerance", str(tolerance), *more], capture_output=True, text=True)
    if out.returncode:
        raise SystemExit(out.stderr)
    return json.loads(out.stdout)


def fit_folds(x, y, fold, **settings):
    """Seconds, AUROC of each fold, and the fitted pipelines."""
    start, aurocs, fitted = time.perf_counter(), [], []
    for i in range(fold.max() + 1):
        train, test = fold != i, fold == i
        pipe = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=100_000, **settings)).fit(x[train], y[train])
        aurocs.append(roc_auc_score(y[test], pipe.decision_function(x[test])))
        fitted.append(pipe)
    return time.perf_counter() - start, aurocs, fitted


def raw_weights(pipe):
    scaler, model = pipe
    w = model.coef_[0] / scaler.scale_
    return np.append(w, model.intercept_[0] - w @ scaler.mean_)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--ours", default=str(ROOT / "target/release/examples/probe_timings"))
    a.add_argument("--rounds", type=int, default=3)
    a.add_argument("--repeats", type=int, default=3)
    a.add_argument("--tolerance", type=float, default=1e-8, help="of the gradient, for both")
    a.add_argument("--shuffles", type=int, default=4, help="of the labels, to time scikit-learn's fits by")
    a.add_argument("--permutations", type=int, default=1000)
    a.add_argument("--layers", type=int, default=30)
    a.add_argument("--json", type=Path)
    a = a.parse_args()
    found = {"cv": [], "cv_defaults": [], "null": []}
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for case, shape in (("cv", (2000, 576, 0, 0.12)), ("null", (270, 576, 1, 0.2))):
            x, y, fold = rows(*shape)
            files[case] = (str(Path(folder) / f"{case}.safetensors"), x.astype(np.float64), y, fold)
            save_file({"x": x, "y": y, "fold": fold}, files[case][0])
        for _ in range(a.rounds):
            data, x, y, fold = files["cv"]
            mine = ours(a.ours, "cv", data, a.tolerance, "--repeats", str(a.repeats))
            theirs = [fit_folds(x, y, fold, tol=a.tolerance) for _ in range(a.repeats)]
            defaults = [fit_folds(x, y, fold) for _ in range(a.repeats)]
            weights = np.array([raw_weights(pipe) for pipe in theirs[0][2]])
            difference = np.abs(np.array(mine["weights"]) - weights).max() / np.abs(weights).max()
            best = min(mine["seconds"])
            found["cv"].append({"ours": best, "theirs": min(t[0] for t in theirs), "coefficients": difference,
                                "auroc": float(np.abs(np.array(mine["aurocs"]) - theirs[0][1]).max())})
            found["cv_defaults"].append({"ours": best, "theirs": min(t[0] for t in defaults)})

            data, x, y, fold = files["null"]
            mine = ours(a.ours, "null", data, a.tolerance, "--permutations", str(a.permutations), "--layers", str(a.layers))
            rng = np.random.default_rng(3)
            per_fit = [fit_folds(x, rng.permutation(y), fold, tol=a.tolerance)[0] / 5 for _ in range(a.shuffles)]
            found["null"].append({"ours": mine["seconds"], "theirs": statistics.mean(per_fit) * mine["fits"], "per_fit": statistics.mean(per_fit),
                                  "ours_per_fit": mine["seconds"] / mine["fits"]})
    about = {"processor": platform.processor() or platform.machine(), "threads": THREADS, "tolerance": a.tolerance, "sklearn": sklearn.__version__,
             "numpy": np.__version__, "scipy": scipy.__version__, "rounds": a.rounds, "load": os.getloadavg()}
    print(json.dumps(about))
    print("| case | ours s | theirs s | faster by (range) | target |\n| --- | --: | --: | --- | --: |")
    for case, target in (("cv", 5), ("cv_defaults", ""), ("null", 50)):
        ratios = sorted(r["theirs"] / r["ours"] for r in found[case])
        middle = statistics.median
        print(f"| {case} | {middle(r['ours'] for r in found[case]):.3f} | {middle(r['theirs'] for r in found[case]):.2f} "
              f"| {middle(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f}) | {target} |")
    print(f"greatest difference of a coefficient, relative to the greatest: {max(r['coefficients'] for r in found['cv']):.1e}; "
          f"of a fold's AUROC: {max(r['auroc'] for r in found['cv']):.1e}")
    if a.json:
        a.json.write_text(json.dumps({"about": about, "rounds": found}, indent=1))


if __name__ == "__main__":
    main()
