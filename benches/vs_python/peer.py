#!/usr/bin/env python3
"""The same work as examples/timings, done by transformers or TransformerLens, in f32 on two threads.

    peer.py --model FOLDER --peer transformers|transformer_lens [--load] [--tokens 512] [--new-tokens 64] [--texts 256]

Prints a JSON line with versions, threads and how long loading took, without the imports.
Then it runs the case named on each line of standard input once, and answers with a JSON line: seconds, and a number made of
the result, by which run.py sees that both sides did the same.

The cases:
  prefill_all_logits   one pass, logits of every position kept
  prefill_last_logits  one pass, logits of the last position only (logits_to_keep=1)
  generate             greedy tokens after the first 64 of the prompt, with the key-value cache, never ended early
  every_resid_post     one pass that caches resid_post of every layer and computes no logits (return_type=None)
  middle_resid_post    resid_post after half of the layers, nothing computed after it (stop_at_layer)
  everything_cached    every hook of TransformerLens's default configuration, no logits (return_type=None): ours keeps the
                       sites of the same names, so no logits, no final gain and no hook_result
  ragged               one row per text, the middle layer's resid_post at its last token, nothing computed after that layer:
                       texts of 8 to 128 tokens in batches of 32 as they come, padded on the right, where a causal model
                       needs no mask; ours sorts by length, as `Capture` always does, and gives rows in the texts' order
  ragged_sorted        the same with the batches that ours makes: shortest first, 2048 tokens at most with the padding
"""
import argparse
import json
import os
import sys
import time
import warnings

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
transformers.logging.disable_progress_bar()
# TransformerLens 3 says that HookedTransformer goes in 4.
warnings.filterwarnings("ignore", category=DeprecationWarning)


class Numbers:
    """The fixed sequence of examples/shared/cases.rs."""

    def __init__(self):
        self.x = 12345

    def next(self):
        self.x = (1103515245 * self.x + 12345) % 2**31
        return self.x

    def ids(self, n, vocab):
        return [17 + self.next() % (vocab - 17) for _ in range(n)]

    def texts(self, n, vocab):
        return [self.ids(8 + self.next() % 121, vocab) for _ in range(n)]


def load_transformers(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa").eval()


def transformers_cases(model, a):
    ids = torch.tensor([Numbers().ids(a.tokens, model.config.vocab_size)])
    begun = ids[:, :64]

    def generate():
        made = model.generate(
            begun, attention_mask=torch.ones_like(begun), max_new_tokens=a.new_tokens, min_new_tokens=a.new_tokens,
            do_sample=False, pad_token_id=0)
        assert made.shape[1] == begun.shape[1] + a.new_tokens
        return made[0, begun.shape[1]].item()

    return {
        "prefill_all_logits": lambda: greatest(model(ids, use_cache=False).logits),
        "prefill_last_logits": lambda: greatest(model(ids, use_cache=False, logits_to_keep=1).logits),
        "generate": generate,
    }


def load_transformer_lens(folder):
    """The model as it is, without folding. Built from its configuration: TransformerLens would ask the hub for its own."""
    from transformer_lens import HookedTransformer, HookedTransformerConfig
    from transformer_lens.pretrained.weight_conversions import convert_llama_weights

    hf = load_transformers(folder)
    c = hf.config
    cfg = HookedTransformerConfig(
        d_model=c.hidden_size, n_layers=c.num_hidden_layers, n_heads=c.num_attention_heads,
        n_key_value_heads=c.num_key_value_heads, d_head=c.head_dim, d_mlp=c.intermediate_size, n_ctx=2048, d_vocab=c.vocab_size,
        act_fn="silu", normalization_type="RMS", positional_embedding_type="rotary", rotary_dim=c.head_dim,
        rotary_base=int(c.rope_parameters["rope_theta"]), rotary_adjacent_pairs=False, final_rms=True, gated_mlp=True,
        eps=c.rms_norm_eps, original_architecture="LlamaForCausalLM", device="cpu", dtype=torch.float32)
    model = HookedTransformer(cfg)
    model.load_state_dict(convert_llama_weights(hf, cfg), strict=False)
    return model.eval()


def transformer_lens_cases(model, a):
    vocab, n_layers = model.cfg.d_vocab, model.cfg.n_layers
    ids = torch.tensor([Numbers().ids(a.tokens, vocab)])
    texts = Numbers().texts(a.texts, vocab)
    layer = (n_layers - 1) // 2
    post = lambda l: f"blocks.{l}.hook_resid_post"

    def every():
        _, cache = model.run_with_cache(ids, names_filter=lambda name: name.endswith("hook_resid_post"), return_type=None)
        return size(cache[post(n_layers - 1)])

    def middle():
        _, cache = model.run_with_cache(ids, names_filter=post(layer), stop_at_layer=layer + 1, return_type=None)
        return size(cache[post(layer)])

    def everything():
        _, cache = model.run_with_cache(ids, return_type=None)
        return len(cache)

    def rows(batches):
        kept = torch.empty(len(texts), model.cfg.d_model)
        for batch in batches:
            last = torch.tensor([len(texts[i]) - 1 for i in batch])
            tokens = torch.zeros((len(batch), int(last.max()) + 1), dtype=torch.long)
            for row, i in enumerate(batch):
                tokens[row, : len(texts[i])] = torch.tensor(texts[i])
            _, cache = model.run_with_cache(tokens, names_filter=post(layer), stop_at_layer=layer + 1, return_type=None)
            kept[batch] = cache[post(layer)][torch.arange(len(batch)), last]
        return kept.abs().mean().item()

    as_they_come = [list(range(i, min(i + 32, len(texts)))) for i in range(0, len(texts), 32)]
    by_length = []
    for i in sorted(range(len(texts)), key=lambda i: len(texts[i])):
        if by_length and (len(by_length[-1]) + 1) * len(texts[i]) <= 2048:
            by_length[-1].append(i)
        else:
            by_length.append([i])
    return {
        "prefill_all_logits": lambda: greatest(model(ids)),
        "every_resid_post": every,
        "middle_resid_post": middle,
        "everything_cached": everything,
        "ragged": lambda: rows(as_they_come),
        "ragged_sorted": lambda: rows(by_length),
    }


def greatest(logits):
    return logits[0, -1].max().item()


def size(x):
    return x[0, -1].abs().mean().item()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True, help="folder of a Llama-like model in f32")
    p.add_argument("--peer", choices=["transformers", "transformer_lens"], required=True)
    p.add_argument("--load", action="store_true", help="only load")
    p.add_argument("--tokens", type=int, default=512)
    p.add_argument("--new-tokens", type=int, default=64)
    p.add_argument("--texts", type=int, default=256)
    a = p.parse_args()
    load, cases = {
        "transformers": (load_transformers, transformers_cases),
        "transformer_lens": (load_transformer_lens, transformer_lens_cases),
    }[a.peer]
    start = time.perf_counter()
    model = load(a.model)
    loaded = time.perf_counter() - start
    AutoTokenizer.from_pretrained(a.model)
    with_tokenizer = time.perf_counter() - start
    model(torch.tensor([Numbers().ids(1, 49152)]))
    with_first_pass = time.perf_counter() - start
    said = {
        "case": "load", "model_s": loaded, "best_s": with_tokenizer, "with_first_pass_s": with_first_pass,
        "threads": torch.get_num_threads(), "versions": versions(a.peer)}
    print(json.dumps(said), flush=True)
    if a.load:
        return
    cases = cases(model, a)
    for line in sys.stdin:
        start = time.perf_counter()
        check = cases[line.strip()]()
        print(json.dumps({"case": line.strip(), "seconds": time.perf_counter() - start, "check": check}), flush=True)


def versions(peer):
    from importlib.metadata import version

    names = ["torch", "transformers", "numpy", "safetensors"] + (["transformer-lens"] if peer == "transformer_lens" else [])
    return {"python": sys.version.split()[0], **{name: version(name) for name in names}}


if __name__ == "__main__":
    main()
