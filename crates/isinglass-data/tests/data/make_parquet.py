"""Writes the Parquet files beside this script with pyarrow 26, in the manner of the data sets on the hub.

python make_parquet.py
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

here = Path(__file__).parent

# The columns and types of TIGER-Lab/MMLU-Pro; the questions are made up.
questions = pa.table(
    {
        "question_id": pa.array([70, 71, 72], pa.int64()),
        "question": ["Which of these floats?", "How many legs has a stool of four legs?", "Où est le café?"],
        "options": pa.array([["Cork", "Lead"], ["Two", "Three", "Four"], ["Là", "Ici", "N/A"]], pa.list_(pa.string())),
        "answer": ["A", "C", "B"],
        "answer_index": pa.array([0, 2, 1], pa.int64()),
        "cot_content": ["", "A: It has four.", ""],
        "category": ["physics", "math", "other"],
        "src": ["made-up", "made-up", "made-up"],
    }
)
pq.write_table(questions, here / "questions_snappy.parquet", compression="snappy", row_group_size=2)
pq.write_table(questions, here / "questions_zstd.parquet", compression="zstd", data_page_version="2.0")

# Every type that is read, with values that are missing.
kinds = pa.table(
    {
        "text": pa.array(["a", None, ""]),
        "large": pa.array(["b", "c", None], pa.large_string()),
        "int8": pa.array([-128, 127, None], pa.int8()),
        "uint32": pa.array([0, 4294967295, None], pa.uint32()),
        "float": pa.array([0.5, float("nan"), None], pa.float32()),
        "double": pa.array([-0.1, 3.0, None]),
        "flag": [True, False, None],
        "list": pa.array([[1, None], [], None], pa.list_(pa.int64())),
        "struct": pa.array([{"x": "y", "n": 1}, {"x": None, "n": 2}, None]),
        "dictionary": pa.array(["p", "q", "p"]).dictionary_encode(),
    }
)
pq.write_table(kinds, here / "kinds.parquet", compression="none")

when = pa.table({"text": ["a"], "when": pa.array([0], pa.timestamp("ns"))})
pq.write_table(when, here / "when.parquet", compression="none")
