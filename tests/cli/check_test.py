"""`check` from a stranger's side: cases written with NumPy, verdicts, exit codes, and the three forms of the report."""

import json
import os
import pty
import subprocess
import time
import unittest
import xml.etree.ElementTree as ElementTree

import numpy as np

from program import PROGRAM, ProgramTest, affine_scan, random_case


class CheckTest(ProgramTest):
    def planted(self, name="bad.npz", places=((17, 3),)):
        case = random_case()
        for place in places:
            case["out.h"][place] *= 1.01
        return self.save(name, case)

    def undecided(self, name="undecided.npz"):
        """Products of the a overflow in some schedules and not in others, so NaN can be neither shown nor refuted."""
        a = np.full((8, 1), 2.0**100, np.float32)
        h = np.zeros_like(a)
        h[-1] = np.nan
        return self.save(name, {"in.a": a, "in.b": np.zeros_like(a), "out.h": h})

    def broken(self, name="broken.npz"):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write("not a case")
        return self.path(name)


class Verdicts(CheckTest):
    def test_explained(self):
        [case] = self.check(self.save("good.npz", random_case()))
        self.assertEqual((case["op"], case["contract"], case["verdict"]), ("affine_scan", "fp32", "explained"))
        [tensor] = case["tensors"]
        self.assertEqual((tensor["name"], tensor["elements"], tensor["refuted"]), ("h", 64 * 16, 0))
        self.assertEqual(sum(tensor["ladder"].values()), 64 * 16)
        self.assertLessEqual(tensor["max_ratio"], 1)

    def test_planted_error_is_refuted_at_its_place(self):
        [case] = self.check(self.planted(), code=1)
        [tensor] = case["tensors"]
        self.assertEqual((case["verdict"], tensor["refuted"]), ("refuted", 1))
        witness = tensor["witness"]
        self.assertEqual(witness["index"], [17, 3])
        good, bad = random_case()["out.h"][17, 3], np.load(self.path("bad.npz"))["out.h"][17, 3]
        self.assertEqual(np.float32(witness["candidate"]), bad)
        self.assertEqual(float.fromhex(witness["candidate_hex"]), bad)
        self.assertAlmostEqual(float(witness["exact"]), good, delta=1e-5)
        self.assertGreater(witness["ratio"], 1)
        self.assertEqual(witness["ratio"], tensor["max_ratio"])

    def test_errors_limits_witnesses(self):
        places = ((3, 1), (17, 3), (40, 9))
        case = self.planted(places=places)
        [report] = self.check(case, "--errors", "2", code=1)
        self.assertEqual(len(report["tensors"][0]["witnesses"]), 2)
        [report] = self.check(case, "--errors", "3", code=1)
        self.assertEqual(sorted(tuple(w["index"]) for w in report["tensors"][0]["witnesses"]), list(places))
        text = self.run_program("check", case, "--errors", "3", code=1).stdout
        for t, n in places:
            self.assertIn(f"h[{t},{n}] = ", text)

    def test_threads_do_not_change_the_report(self):
        case = self.planted()
        reports = [self.check(case, "--threads", n, code=1) for n in (0, 1, 3)]
        self.assertEqual(reports[0], reports[1])
        self.assertEqual(reports[1], reports[2])

    def test_exit_codes_of_several(self):
        good = self.save("good.npz", random_case())
        bad, invalid, undecided = self.planted(), self.broken(), self.undecided()
        for cases, code in [([good, good], 0), ([good, bad], 1), ([invalid, bad, undecided], 1), ([good, invalid], 2),
                            ([undecided, invalid], 2), ([good, undecided], 3)]:
            reports = self.check(*cases, code=code)
            self.assertEqual([report["file"] for report in reports], cases)
        text = self.run_program("check", good, bad, invalid, undecided, code=1).stdout
        self.assertTrue(text.endswith("4 cases: 1 explained, 1 refuted, 1 invalid, 1 undecided\n"), text)

    def test_unreadable_files_are_invalid_cases(self):
        missing = self.path("missing.npz")
        for file in [missing, self.broken(), self.folder]:
            result = self.run_program("check", file, "--format", "json", code=2)
            [case] = self.validated(result.stdout)
            self.assertEqual((case["file"], case["verdict"], case["tensors"]), (file, "invalid", []))
            self.assertIn(file, case["reason"])
            self.assertEqual(result.stderr, f"exactscan: {case['reason']}\n")

    def test_cases_that_make_no_sense_are_invalid(self):
        good = random_case()
        wrong_shape = dict(good, **{"in.b": good["in.b"][:5]})
        missing_input = {key: value for key, value in good.items() if key != "in.a"}
        integers = dict(good, **{"in.a": np.ones((64, 16), np.int64)})
        no_output = {key: value for key, value in good.items() if key != "out.h"}
        for arrays, says in [(wrong_shape, "b"), (missing_input, "a"), (integers, "int64"), (no_output, "out")]:
            result = self.run_program("check", self.save("x.npz", arrays), "--format", "json", code=2)
            [case] = self.validated(result.stdout)
            self.assertIn(says, case["reason"])
            self.assertEqual(result.stderr, f"exactscan: {case['reason']}\n")
        [case] = self.check(self.save("x.npz", good, op="affine_scam"), code=2)
        self.assertIn("affine_scam", case["reason"])
        [case] = self.check(self.save("x.npz", good, colour="red"), code=2)
        self.assertIn("colour", case["reason"])

    def test_contract_changes_the_verdict(self):
        case = self.save("x.npz", random_case())
        self.assertEqual(self.check(case, "--contract", "fp32,underflow=ftz")[0]["contract"], "fp32,underflow=ftz")
        # float32 arithmetic is not float64 arithmetic rounded once at the end.
        self.check(case, "--contract", "fp64", code=1)

    def test_special_numbers_stay_valid_json(self):
        case = random_case()
        case["out.h"][5, 5] = np.inf
        case["out.h"][6, 6] = np.nan
        [report] = self.check(self.save("x.npz", case), "--errors", "2", code=1)
        [tensor] = report["tensors"]
        self.assertEqual(tensor["max_ratio"], "inf")
        self.assertEqual({w["candidate"] for w in tensor["witnesses"]}, {"inf", "nan"})


class Forms(CheckTest):
    def test_text(self):
        text = self.run_program("check", self.planted(), code=1).stdout
        self.assertRegex(text, r"bad\.npz: affine_scan, contract fp32: refuted\n")
        self.assertRegex(text, r"\n  h +refuted +1024 +1 +0 +\S+ +\S+ +fp64 \d+")
        self.assertRegex(text, r"\n  h\[17,3\] = \S+ \(-?0x1\.\S+\), exactly \S+: off by \S+ ulp, \S+ of the allowance")

    def test_junit(self):
        files = [self.save("good.npz", random_case()), self.planted(), self.broken("<&\".npz"), self.undecided()]
        root = ElementTree.fromstring(self.run_program("check", *files, "--format", "junit", code=1).stdout)
        self.assertEqual(root.tag, "testsuites")
        self.assertEqual([suite.get("name") for suite in root], files)
        self.assertEqual((root.get("tests"), root.get("failures"), root.get("errors")), ("4", "1", "2"))
        kinds = [[(case.get("name"), [(child.tag, child.get("type")) for child in case]) for case in suite] for suite in root]
        self.assertEqual(kinds, [[("h", [])], [("h", [("failure", "refuted")])], [("case", [("error", "invalid")])],
                                 [("h", [("error", "undecided")])]])
        self.assertIn("h[17,3]", root[1][0][0].text)

    def test_output_files(self):
        case, report = self.planted(), self.path("report.json")
        with open(report, "w", encoding="utf-8") as file:
            file.write("old")
        before = set(os.listdir(self.folder))
        result = self.run_program("check", case, "--format", "json", "--output", report, code=1)
        self.assertEqual((result.stdout, result.stderr), ("", ""))
        with open(report, encoding="utf-8") as file:
            self.assertEqual(self.validated(file.read())[0]["verdict"], "refuted")
        self.assertEqual(set(os.listdir(self.folder)), before)  # no temporary file is left

    def test_file_names_that_attack(self):
        file = self.broken("a\x1b[31m\n.npz")
        result = self.run_program("check", file, code=2)
        self.assertNotIn("\x1b", result.stdout + result.stderr)
        self.assertEqual(json.loads(self.run_program("check", file, "--format", "json", code=2).stdout)["cases"][0]["file"], file)


class Newcomer(ProgramTest):
    def test_numpy_to_verdict(self):
        """What README and --help say, and nothing more."""
        rng = np.random.default_rng(0)
        a = rng.uniform(0.9, 1.0, size=(100, 4)).astype(np.float32)
        b = rng.normal(size=(100, 4)).astype(np.float32)
        h = affine_scan(a, b, np.zeros(4, np.float32))
        np.savez(self.path("case.npz"), op="affine_scan",
                 **{"in.a": a, "in.b": b, "opt.chunk_size": 64, "out.h": h, "out.h_last": h[-1]})
        self.assertIn("explained", self.run_program("check", "case.npz").stdout)
        # The classic mistake: the state is lost at a chunk's border.
        h[64:] = affine_scan(a[64:], b[64:], np.zeros(4, np.float32))
        np.savez(self.path("case.npz"), op="affine_scan", **{"in.a": a, "in.b": b, "out.h": h})
        self.assertIn("refuted", self.run_program("check", "case.npz", code=1).stdout)


class ProgressBar(ProgramTest):
    def slow_arguments(self):
        """As many copies of a case as keep the program busy for some seconds; also, what that run wrote to a log."""
        case = self.save("slow.npz", random_case(L=512, N=256))
        arguments = ["check", case]
        while True:
            start = time.monotonic()
            result = self.run_program(*arguments)
            if time.monotonic() - start > 3:
                return arguments, result
            arguments += arguments[1:]

    def test_none_in_a_log_and_one_on_a_terminal(self):
        arguments, result = self.slow_arguments()
        self.assertEqual(result.stderr, "")
        master, terminal = pty.openpty()
        process = subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.DEVNULL, stderr=terminal)
        os.close(terminal)
        drawn = b""
        while True:
            try:
                block = os.read(master, 65536)
            except OSError:  # Linux says EIO once the other side is closed
                break
            if not block:
                break
            drawn += block
        os.close(master)
        self.assertEqual(process.wait(), 0)
        self.assertRegex(drawn, rb"\[=* *\] +\d+% ")
        self.assertTrue(drawn.endswith(b"\r\x1b[K"), "the bar is removed at the end")


if __name__ == "__main__":
    unittest.main()
