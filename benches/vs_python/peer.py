#!/usr/bin/env python3
"""The same work as examples/timings, done by transformers or TransformerLens. One JSON line for each case.

    peer.py --model FOLDER --peer transformers|transformer_lens [--case NAME] [--tokens 512] [--repeats 5]
"""
import argparse
import json
import os
import time

THREADS = int(os.environ.get("PEER_THREADS", "2"))
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = str(THREADS)
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

torch.set_num_threads(THREADS)
torch.set_grad_enabled(False)
transformers.logging.set_verbosity_error()


def prompt(n, vocab):
    x, ids = 12345, []
    for _ in range(n):
        x = (1103515245 * x + 12345) % 2**31
        ids.append(17 + x % (vocab - 17))
    return ids


def transformers_cases(a):
    start = time.perf_counter()
    model = AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32, attn_implementation="sdpa").eval()
    yield "load", 0, time.perf_counter() - start
    ids = torch.tensor([prompt(a.tokens, model.config.vocab_size)])
    half = ids[:, :64]
    yield "prefill_all_logits", a.tokens, lambda: model(ids, use_cache=False)
    yield "prefill_last_logits", a.tokens, lambda: model(ids, use_cache=False, logits_to_keep=1)
    yield "generate", a.new_tokens, lambda: model.generate(
        half, attention_mask=torch.ones_like(half), max_new_tokens=a.new_tokens, min_new_tokens=a.new_tokens, do_sample=False)


def transformer_lens_cases(a):
    from transformer_lens import HookedTransformer

    hf = AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32)
    start = time.perf_counter()
    model = HookedTransformer.from_pretrained_no_processing(
        "HuggingFaceTB/SmolLM2-135M-Instruct", hf_model=hf, tokenizer=AutoTokenizer.from_pretrained(a.model), dtype=torch.float32,
        device="cpu")
    yield "load", 0, time.perf_counter() - start
    ids = torch.tensor([prompt(a.tokens, model.cfg.d_vocab)])
    middle = f"blocks.{model.cfg.n_layers // 2}.hook_resid_post"
    post = lambda name: name.endswith("hook_resid_post")
    yield "prefill_all_logits", a.tokens, lambda: model(ids)
    yield "every_resid_post", a.tokens, lambda: model.run_with_cache(ids, names_filter=post, return_type=None)
    yield "middle_resid_post", a.tokens, lambda: model.run_with_cache(
        ids, names_filter=middle, stop_at_layer=model.cfg.n_layers // 2 + 1, return_type=None)
    yield "everything_cached", a.tokens, lambda: model.run_with_cache(ids)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True)
    p.add_argument("--peer", choices=["transformers", "transformer_lens"], required=True)
    p.add_argument("--case", default="")
    p.add_argument("--tokens", type=int, default=512)
    p.add_argument("--new-tokens", type=int, default=64)
    p.add_argument("--repeats", type=int, default=5)
    a = p.parse_args()
    for name, tokens, work in {"transformers": transformers_cases, "transformer_lens": transformer_lens_cases}[a.peer](a):
        if name == "load":
            print(json.dumps({"case": name, "best_s": work}), flush=True)
        elif a.case in name:
            seconds = []
            for _ in range(a.repeats + 1):
                start = time.perf_counter()
                work()
                seconds.append(time.perf_counter() - start)
            seconds = sorted(seconds[1:])
            print(json.dumps({"case": name, "tokens": tokens, "best_s": seconds[0], "median_s": seconds[len(seconds) // 2]}), flush=True)


if __name__ == "__main__":
    main()
