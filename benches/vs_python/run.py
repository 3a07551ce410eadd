#!/usr/bin/env python3
"""Runs examples/timings and its peers in turn, and prints how long ours takes for each second of theirs.

    cargo build --release --example timings
    python3 -m venv env && env/bin/pip install -r benches/vs_python/requirements.txt
    env/bin/python tests/fixtures/smollm2/convert_smollm2.py smollm2-f32
    env/bin/python benches/vs_python/run.py --model smollm2-f32 [--rounds 3] [--peers transformers] [--json out.json]

Each round starts every program anew, ours before and after each peer, so that a change of the machine's pace falls on both.
A ratio is of the best times of a round (below 1: ours is faster); printed are its median and its range over the rounds.
Judge by a quiet machine: the load is printed with the result.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent


def lines(command):
    env = dict(os.environ, RAYON_NUM_THREADS=os.environ.get("PEER_THREADS", "2"))
    out = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout
    return {line["case"]: line["best_s"] for line in map(json.loads, out.splitlines())}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True, help="a folder that both sides load, in f32")
    p.add_argument("--ours", default=str(HERE.parents[1] / "target/release/examples/timings"))
    p.add_argument("--peers", nargs="+", default=["transformers", "transformer_lens"])
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--repeats", type=int, default=5)
    p.add_argument("--tokens", type=int, default=512)
    p.add_argument("--json", type=Path)
    a = p.parse_args()
    same = ["--model", a.model, "--repeats", str(a.repeats), "--tokens", str(a.tokens)]
    ratios, times = defaultdict(list), defaultdict(list)
    for _ in range(a.rounds):
        before = lines([a.ours, *same])
        for peer in a.peers:
            theirs = lines([sys.executable, str(HERE / "peer.py"), "--peer", peer, *same])
            after = lines([a.ours, *same])
            for case in theirs.keys() & after.keys():
                ours = min(before[case], after[case])
                ratios[peer, case].append(ours / theirs[case])
                times[peer, case].append((ours, theirs[case]))
            before = after
    load = os.getloadavg()
    print(f"load at the end {load[0]:.1f}, {os.cpu_count()} processors, {a.rounds} rounds of {a.repeats}, {a.tokens} tokens")
    print("| against | case | ours s | theirs s | ours / theirs | range |\n| --- | --- | --: | --: | --: | --- |")
    for (peer, case), found in sorted(ratios.items()):
        ours, theirs = (min(t[i] for t in times[peer, case]) for i in (0, 1))
        print(f"| {peer} | {case} | {ours:.3f} | {theirs:.3f} | {statistics.median(found):.2f} | {min(found):.2f} to {max(found):.2f} |")
    if a.json:
        rows = [{"peer": p, "case": c, "ratios": r, "seconds": times[p, c]} for (p, c), r in sorted(ratios.items())]
        a.json.write_text(json.dumps({"load": load, "tokens": a.tokens, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
