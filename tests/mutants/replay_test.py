"""`exactscan replay`: the bytes of a fuzzer become a case that `exactscan check` judges; and what the commands of
test builds say to misuse."""

import os
import pathlib
import subprocess
import unittest

import numpy as np
from program import PROGRAM, ProgramTest

SEEDS = pathlib.Path(os.environ["SEEDS"])


class Replay(ProgramTest):
    def test_every_seed_becomes_a_case_that_is_not_refuted(self):
        seeds = sorted(SEEDS.iterdir())
        self.assertGreater(len(seeds), 10)
        explained = 0
        for seed in seeds:
            case = self.path(seed.name + ".npz")
            result = self.run_program("replay", seed, "--output", case)
            self.assertIn("exactscan generate", result.stdout)
            with np.load(case) as arrays:
                outputs = [name for name in arrays.files if name.startswith("out.")]
                self.assertEqual(str(arrays["opt.source"]) + "\n", result.stdout)
            self.assertGreater(len(outputs), 0)
            code = subprocess.run([PROGRAM, "check", case], capture_output=True).returncode
            self.assertIn(code, [0, 3], seed)  # undecided: where its values are no numbers
            explained += code == 0
        self.assertGreater(explained, len(seeds) // 2)

    def test_seeds_of_systems(self):
        ops, judged = set(), 0
        for seed in sorted((SEEDS.parent / "systems").iterdir()):
            case = self.path(seed.name + ".npz")
            result = subprocess.run([PROGRAM, "replay", "--systems", seed, "--output", case], capture_output=True, text=True)
            if result.returncode == 2:
                self.assertIn("no trial", result.stderr)
                continue
            self.assertEqual(result.returncode, 0, result.stdout)
            with np.load(case) as arrays:
                ops.add(str(arrays["op"]))
                self.assertEqual(str(arrays["opt.source"]) + "\n", result.stdout)
            self.assertIn(subprocess.run([PROGRAM, "check", case], capture_output=True).returncode, [0, 3], seed)
            judged += 1
        self.assertGreater(judged, 20)
        self.assertGreater(len(ops), 1)

    def test_inputs_only_and_no_bytes_at_all(self):
        with open(self.path("empty"), "wb"):
            pass
        self.run_program("replay", "empty", "--output", "case.npz", "--inputs-only")
        with np.load(self.path("case.npz")) as arrays:
            self.assertEqual([name for name in arrays.files if name.startswith("out.")], [])
            self.assertEqual(str(arrays["op"]), "affine_scan")

    def test_misuse(self):
        self.assertRegex(self.run_program("replay", "missing", "--output", "case.npz", code=2).stderr,
                         "^exactscan: missing: cannot be read")
        with open(self.path("large"), "wb") as file:
            file.truncate((1 << 20) + 1)
        self.assertRegex(self.run_program("replay", "large", "--output", "case.npz", code=2).stderr, "at most 1048576")
        seed = next(SEEDS.iterdir())
        self.assertRegex(self.run_program("replay", seed, "--output", "no/case.npz", code=2).stderr, "no/case.npz")
        self.assertRegex(self.run_program("replay", seed, code=2).stderr, "--output is required")


if __name__ == "__main__":
    unittest.main()
