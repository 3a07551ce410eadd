#!/usr/bin/env python3
"""Runs examples/timings and its peers in turn, and prints how long ours takes for each second of theirs.

    cargo build --release --workspace --examples
    python3 -m venv env && env/bin/pip install -r benches/vs_python/requirements.txt
    env/bin/python tests/fixtures/smollm2/convert_smollm2.py smollm2-f32
    env/bin/python benches/vs_python/run.py --model smollm2-f32 [--rounds 3] [--cases prefill,load] [--json out.json]

Both sides load the same folder, in f32, and use two threads; peer.py says what each case is on their side.
Each round starts every program anew. Within a round ours and a peer stay loaded and take turns pass by pass (ours, theirs,
ours, ...) after one pass each that does not count, so that a change of the machine's pace falls on both.
The ragged cases run few times and without the pass that does not count: they are many passes each.
Cases of ours against ours take turns in one process, the one that begins changing each time.

Ratios are ours / theirs (below 1: ours is faster), each of one round; printed are the median and the range over the rounds:
  best    the best time of ours over the best of theirs
  paired  the median over the turns of ours over theirs in the same turn
A target is held to `best`, but for an observing hook, whose 2 % only the paired ratio can show; "met" means in the median.
Tokens/s are of real tokens, without padding, at the best times over all rounds; for generate they are new tokens.

Loading is from a path to a model that is ready, in a fresh process each time, its file read once before (in the page cache);
the imports of theirs do not count. Ours always loads the tokenizer too, so `load` has it on both sides; `load_model` is theirs
without; `load_and_pass` goes on to the end of a first pass of one token, as a mapped file may be read only then.

Judge by a quiet machine. `others` is how many processors other programs (and other guests of the host) kept busy meanwhile,
at most over the rounds; on Linux only. Above 0.1 the results say nothing, and not evenly so: with two processors under a load
of 5, torch was seen to take ten times as long and ours twice, since each of its threads waits for the slowest at every step.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
THREADS = os.environ.setdefault("PEER_THREADS", "2")


@dataclass(frozen=True)
class Case:
    name: str
    ours: str
    against: str  # transformers, transformer_lens, or ours for another case of our own
    theirs: str
    target: float | None = None
    turns: float = 1.0  # times --repeats
    by: str = "best"


HF, TL, OURS = "transformers", "transformer_lens", "ours"
CASES = [
    Case("prefill_all_logits", "prefill_all_logits", HF, "prefill_all_logits", 0.9),
    Case("prefill_last_logits", "prefill_last_logits", HF, "prefill_last_logits", 0.9),
    Case("generate", "generate", HF, "generate", 0.5),
    Case("prefill_all_logits", "prefill_all_logits", TL, "prefill_all_logits"),
    Case("every_resid_post", "every_resid_post", TL, "every_resid_post", 0.5),
    Case("everything_cached", "everything_cached", TL, "everything_cached", 0.6),
    Case("middle_resid_post", "middle_resid_post", TL, "middle_resid_post"),
    Case("ragged", "ragged", TL, "ragged", 0.5, 0.4),
    Case("ragged, their batches as ours", "ragged", TL, "ragged_sorted", None, 0.4),
    Case("middle_resid_post / no logits", "middle_resid_post", OURS, "last_resid_post", 0.55),
    Case("middle_resid_post / last logits", "middle_resid_post", OURS, "prefill_last_logits", 0.55),
    Case("observing_hook", "observing_hook", OURS, "prefill_last_logits", 1.02, 4.0, "paired"),
]
# Of the line about loading: our key, theirs.
LOADS = {
    ("load", HF): ("best_s", "best_s", 1.0),
    ("load_model", HF): ("best_s", "model_s", None),
    ("load_and_pass", HF): ("with_first_pass_s", "with_first_pass_s", None),
    ("load", TL): ("best_s", "best_s", None),
}


class Program:
    """A program that has loaded its model and runs the cases it is asked for."""

    def __init__(self, command):
        env = dict(os.environ, RAYON_NUM_THREADS=THREADS, OMP_NUM_THREADS=THREADS, MKL_NUM_THREADS=THREADS)
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([str(part) for part in command], env=env, stdin=pipe, stdout=pipe, text=True)
        self.loaded = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(self.process.args)} ended with {self.process.wait()}")
        return json.loads(line)

    def run(self, case):
        self.process.stdin.write(case + "\n")
        self.process.stdin.flush()
        return self.answer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


class Watch:
    """How many processors are kept busy by others than this script and its programs; None where there is no /proc."""

    def __init__(self, programs=()):
        self.programs = programs
        self.began = self.now()

    def now(self):
        try:
            # user nice system idle iowait irq softirq steal
            f = [int(field) for field in Path("/proc/stat").read_text().split()[1:9]]
            ticks = sum(f) - f[3] - f[4]
            for pid in [os.getpid(), *(program.process.pid for program in self.programs)]:
                own = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                ticks -= int(own[11]) + int(own[12])
        except (OSError, ValueError):
            return None
        ended = os.times()
        return time.perf_counter(), ticks / os.sysconf("SC_CLK_TCK") - ended.children_user - ended.children_system

    def others(self):
        now = self.now()
        if now is None or self.began is None:
            return None
        return max(0.0, (now[1] - self.began[1]) / (now[0] - self.began[0]))


class Results:
    def __init__(self):
        self.rounds, self.checks, self.tokens = defaultdict(list), {}, {}
        self.versions, self.threads = {}, {}

    def loaded(self, peer, said):
        self.versions.update(said["versions"])
        self.threads[peer] = said["threads"]


def take_turns(case, ours, theirs, repeats, results):
    few = case.turns < 1.0
    turns = max(1, round(repeats * case.turns))
    before, times, watch = os.getloadavg()[0], [], Watch({ours, theirs})
    for turn in range(turns if few else turns + 1):
        sides = [(ours, case.ours), (theirs, case.theirs)]
        swapped = case.against == OURS and turn % 2 == 1
        found = [program.run(name) for program, name in (sides[::-1] if swapped else sides)]
        o, t = found[::-1] if swapped else found
        times.append((o["seconds"], t["seconds"]))
        results.checks[case] = (o["check"], t["check"])
        results.tokens[case] = o["tokens"]
    counted = times if few else times[1:]
    keep(results, case, counted, before, watch.others())


def keep(results, case, times, load_before, others):
    o, t = [pair[0] for pair in times], [pair[1] for pair in times]
    results.rounds[case].append({
        "ours_s": o, "theirs_s": t, "best": min(o) / min(t), "paired": statistics.median(a / b for a, b in times),
        "load_before": load_before, "load_after": os.getloadavg()[0], "others": others})
    found = results.rounds[case][-1]
    print(f"{case.name} / {case.against}: best {found['best']:.3f}, paired {found['paired']:.3f}", file=sys.stderr)


def load(a, commands, cases, repeats, results):
    for peer in dict.fromkeys(case.against for case in cases):
        before, said, watch = os.getloadavg()[0], [], Watch()
        for _ in range(repeats):
            pair = []
            for side, flag in ((OURS, ["--serve"]), (peer, ["--load"])):
                with Program([*commands[side], *flag]) as program:
                    pair.append(program.loaded)
            results.loaded(peer, pair[1])
            said.append(pair)
        others = watch.others()
        for case in cases:
            if case.against == peer:
                keep(results, case, [(o[case.ours], t[case.theirs]) for o, t in said], before, others)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True, type=Path, help="a folder that both sides load, in f32")
    p.add_argument("--ours", default=HERE.parents[1] / "target/release/examples/timings", type=Path)
    p.add_argument("--peers", nargs="+", choices=[HF, TL, OURS], default=[HF, TL, OURS])
    p.add_argument("--cases", default="", help="only the cases with one of these, separated by commas, in their names")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--repeats", type=int, default=5, help="turns of a case in each round")
    p.add_argument("--tokens", type=int, default=512)
    p.add_argument("--new-tokens", type=int, default=64)
    p.add_argument("--texts", type=int, default=256, help="texts of the ragged case")
    p.add_argument("--json", type=Path, help="every time measured, with versions and machine")
    a = p.parse_args()
    wanted = lambda case: case.against in a.peers and any(part in case.name for part in a.cases.split(","))
    cases = [case for case in CASES if wanted(case)]
    loads = [Case(name, o, peer, t, target) for (name, peer), (o, t, target) in LOADS.items()]
    loads = [case for case in loads if wanted(case)]
    if not cases and not loads:
        p.error(f"no case has one of `{a.cases}` in its name")

    same = ["--model", a.model, "--tokens", a.tokens, "--new-tokens", a.new_tokens, "--texts", a.texts]
    commands = {OURS: [a.ours, *same]}
    commands |= {peer: [sys.executable, HERE / "peer.py", "--peer", peer, *same] for peer in (HF, TL)}
    for file in a.model.iterdir():
        if file.is_file():
            file.read_bytes()
    results, machine = Results(), about_machine()
    for _ in range(a.rounds):
        load(a, commands, loads, a.repeats, results)
        for peer in dict.fromkeys(case.against for case in cases):
            with Program([*commands[OURS], "--serve"]) as ours:
                chosen = [case for case in cases if case.against == peer]
                if peer == OURS:
                    for case in chosen:
                        take_turns(case, ours, ours, a.repeats, results)
                    continue
                with Program(commands[peer]) as theirs:
                    results.loaded(peer, theirs.loaded)
                    for case in chosen:
                        take_turns(case, ours, theirs, a.repeats, results)
    machine["load_after"] = os.getloadavg()
    machine["threads"] = {"ours (RAYON_NUM_THREADS)": int(THREADS), **results.threads}
    rows = [row(case, results) for case in loads + cases]
    settings = {key: str(value) if isinstance(value, Path) else value for key, value in vars(a).items() if key != "json"}
    settings["model"], settings["ours"] = a.model.name, a.ours.name
    print(markdown(rows, machine, results.versions, settings))
    if a.json:
        whole = {"machine": machine, "versions": results.versions, "settings": settings, "cases": rows}
        a.json.write_text(json.dumps(whole, indent=1) + "\n")


def row(case, results):
    rounds = results.rounds[case]
    best = {side: min(min(r[side]) for r in rounds) for side in ("ours_s", "theirs_s")}
    median = {side: statistics.median(t for r in rounds for t in r[side]) for side in ("ours_s", "theirs_s")}
    ratio = {by: {"median": statistics.median(r[by] for r in rounds), "least": min(r[by] for r in rounds),
                  "greatest": max(r[by] for r in rounds)} for by in ("best", "paired")}
    judged = ratio[case.by]["median"]
    return {
        "case": case.name, "against": case.against, "ours": case.ours, "theirs": case.theirs, "best": best, "median": median,
        "ratio": ratio, "judged_by": case.by, "target": case.target,
        "met": None if case.target is None else judged <= case.target,
        "tokens": results.tokens.get(case), "check": results.checks.get(case), "same_work": same_work(results.checks.get(case)),
        "others": max((r["others"] for r in rounds if r["others"] is not None), default=None), "rounds": rounds}


def same_work(check):
    """Whether both results gave the same number, up to rounding. Ours against ours are different cases."""
    return None if check is None else abs(check[0] - check[1]) <= 2e-3 * max(1.0, abs(check[1]))


def about_machine():
    cpu = platform.processor() or platform.machine()
    try:
        names = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
        cpu = names[0] if names else cpu
    except OSError:
        pass
    git = ["git", "-C", str(HERE), "describe", "--always", "--dirty"]
    commit = subprocess.run(git, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()
    return {
        "cpu": cpu, "processors": os.cpu_count(), "system": platform.system(), "commit": commit,
        "kernels": os.environ.get("ISINGLASS_KERNELS", "on"), "load_before": os.getloadavg(),
        "began": time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())}


def markdown(rows, machine, versions, settings):
    loads = " / ".join(f"{machine[key][0]:.1f}" for key in ("load_before", "load_after"))
    lines = [
        f"{machine['cpu']}, {machine['processors']} processors, {THREADS} threads on each side, load before / after {loads}; "
        f"commit {machine['commit'] or 'unknown'}; " + ", ".join(f"{name} {v}" for name, v in versions.items()) + "; "
        f"{settings['rounds']} rounds of {settings['repeats']}, {settings['tokens']} tokens, {settings['new_tokens']} new, "
        f"{settings['texts']} texts.\n",
        "| case | against | ours s | theirs s | ours tokens/s | theirs tokens/s | best (range) | paired (range) | target | | others |",
        "| --- | --- | --: | --: | --: | --: | --- | --- | --: | --- | --: |"]
    for r in rows:
        shown = [f"{r['ratio'][by]['median']:.3f} ({r['ratio'][by]['least']:.3f} to {r['ratio'][by]['greatest']:.3f})"
                 for by in ("best", "paired")]
        speeds = [f"{r['tokens'] / r['best'][side]:.0f}" if r["tokens"] else "" for side in ("ours_s", "theirs_s")]
        target = "" if r["target"] is None else f"{r['target']:.2f}"
        cells = [r["case"], r["against"], f"{r['best']['ours_s']:.3f}", f"{r['best']['theirs_s']:.3f}", *speeds, *shown, target,
                 verdict(r), "" if r["others"] is None else f"{r['others']:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    if any((r["others"] or 0.0) > 0.1 for r in rows):
        lines.append("\nThis machine was not quiet: judge nothing by it.")
    different = [r for r in rows if r["same_work"] is False and r["against"] != OURS]
    lines += [f"\nNot the same result in {r['case']} against {r['against']}: {r['check']}" for r in different]
    return "\n".join(lines)


def verdict(r):
    if r["met"] is None:
        return ""
    judged = r["ratio"][r["judged_by"]]
    word = "met" if r["met"] else "missed"
    return word if (judged["greatest"] <= r["target"]) == (judged["least"] <= r["target"]) else f"{word}, not in every round"


if __name__ == "__main__":
    main()
