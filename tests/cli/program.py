"""What the end-to-end tests of the program share: running it, making cases with NumPy, judging its JSON."""

import json
import os
import subprocess
import tempfile
import unittest

import numpy as np

PROGRAM = os.environ["EXACTSCAN"]

CASE_KEYS = ["file", "op", "contract", "verdict", "reason", "tensors"]
TENSOR_KEYS = ["name", "verdict", "elements", "max_ratio", "max_ulp", "witness", "ladder", "refuted", "undecided",
               "witnesses"]
WITNESS_KEYS = ["index", "candidate", "exact", "allowance", "ratio", "candidate_hex", "deviation_ulp", "note"]
LADDER_KEYS = ["fp64", "double_double", "interval", "exact"]
VERDICTS = ["explained", "refuted", "invalid", "undecided"]


def affine_scan(a, b, h0):
    """The naive recurrence, each operation rounded to the arrays' type: the README's example."""
    h = np.empty_like(b)
    state = h0
    for t in range(len(a)):
        state = a[t] * state + b[t]
        h[t] = state
    return h


def random_case(L=64, N=16, seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    a = rng.uniform(0.5, 1.0, (L, N)).astype(dtype)
    b = rng.normal(size=(L, N)).astype(dtype)
    h0 = rng.normal(size=N).astype(dtype)
    return {"in.a": a, "in.b": b, "in.h0": h0, "out.h": affine_scan(a, b, h0)}


class ProgramTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="exactscan-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def save(self, name, arrays, op="affine_scan", **options):
        """Writes a case as a user would, and returns its path."""
        np.savez(self.path(name), op=op, **arrays, **{"opt." + key: value for key, value in options.items()})
        return self.path(name)

    def run_program(self, *arguments, code=0):
        """Runs the program; its exit code must be `code`."""
        result = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, cwd=self.folder,
                                timeout=600)
        self.assertEqual(result.returncode, code, f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result

    def check(self, *arguments, code=0):
        """`check --format json`: the cases of its report, after the whole report was found to follow the schema."""
        result = self.run_program("check", *arguments, "--format", "json", code=code)
        return self.validated(result.stdout)

    def validated(self, text):
        report = json.loads(text, parse_constant=lambda name: self.fail(f"{name} is not JSON"))
        self.assertEqual(list(report), ["schema", "cases"])
        self.assertEqual(report["schema"], "exactscan-report/1")
        for case in report["cases"]:
            self.assertEqual(list(case), CASE_KEYS)
            for key in ["file", "op", "contract", "verdict", "reason"]:
                self.assertIsInstance(case[key], str)
            self.assertIn(case["verdict"], VERDICTS)
            self.assertTrue(case["reason"] or case["verdict"] != "invalid")
            for tensor in case["tensors"]:
                self.validate_tensor(tensor)
        return report["cases"]

    def validate_tensor(self, tensor):
        self.assertEqual(list(tensor), TENSOR_KEYS)
        self.assertIn(tensor["verdict"], VERDICTS)
        self.assertIsInstance(tensor["elements"], int)
        for key in ["max_ratio", "max_ulp"]:
            self.validate_number(tensor[key])
        self.assertEqual(list(tensor["ladder"]), LADDER_KEYS)
        counts = list(tensor["ladder"].values()) + [tensor["refuted"], tensor["undecided"]]
        self.assertTrue(all(isinstance(count, int) and 0 <= count <= tensor["elements"] for count in counts))
        self.assertEqual(tensor["verdict"] == "refuted", tensor["refuted"] > 0)
        self.assertEqual(tensor["verdict"] == "undecided", tensor["refuted"] == 0 and tensor["undecided"] > 0)
        self.assertEqual(tensor["witness"], tensor["witnesses"][0] if tensor["witnesses"] else None)
        if tensor["verdict"] != "explained":
            self.assertTrue(tensor["witnesses"])
        for witness in tensor["witnesses"]:
            self.assertEqual(list(witness), WITNESS_KEYS)
            self.assertTrue(all(isinstance(i, int) and i >= 0 for i in witness["index"]))
            for key in ["candidate", "exact", "candidate_hex", "note"]:
                self.assertIsInstance(witness[key], str)
            for key in ["allowance", "ratio", "deviation_ulp"]:
                self.validate_number(witness[key])

    def validate_number(self, value):
        self.assertTrue(value in ("inf", "nan") if isinstance(value, str) else value >= 0, value)
