"""Help, version, and misuse: exit code 2 with one clear message, and nothing on standard output."""

import os
import unittest

from program import ProgramTest, random_case


class Help(ProgramTest):
    def test_every_level_lists_exit_codes(self):
        for level in [[], ["check"], ["exact"], ["generate"], ["describe"], ["gallery"], ["replay"]]:
            for flag in ["--help", "-h"]:
                result = self.run_program(*level, flag)
                self.assertIn("Exit codes:", result.stdout)
                self.assertIn("  2  ", result.stdout)
                self.assertEqual(result.stderr, "")

    def test_help_names_every_option(self):
        wanted = {"check": ["CASE", "--contract", "--format", "--output", "--errors", "--threads", "--device"],
                  "exact": ["CASE", "--output"],
                  "generate": ["OP", "--output", "--seed", "--profile", "--shape", "--type", "gauge", "--backward"],
                  "describe": ["OP"],
                  "gallery": ["--output"],
                  "replay": ["FILE", "--output", "--inputs-only"]}
        for command, names in wanted.items():
            text = self.run_program(command, "--help").stdout
            for name in names:
                self.assertIn(name, text)

    def test_what_no_device_judges_is_refused(self):
        # Without CUDA in the build, without a device in the machine, or for an operation that it does not take: never
        # judged by the CPU instead.
        case = self.save("case.npz", random_case())
        self.assertIn("device", self.run_program("check", case, "--device", "cuda", code=2).stderr)

    def test_version(self):
        self.assertRegex(self.run_program("--version").stdout, r"^exactscan \d+\.\d+\.\d+\n$")

    def test_describe_lists_everything(self):
        text = self.run_program("describe").stdout
        for name in ["affine_scan", "diagonal_ssm", "diagonal_s4", "s5_inner", "lrnnx-cuda", "fp32", "bf16", "underflow", "depth", "gauge",
                     "mantissa", "zigzag", "cancellation"]:
            self.assertIn(name, text)

    def test_describe_explains_an_operation(self):
        text = self.run_program("describe", "affine_scan").stdout
        for name in ["in.a", "in.b", "in.h0", "[L,N]", "optional", "out.h ", "out.h_last", "out.summary_a", "opt.exact",
                     "h[t]"]:
            self.assertIn(name, text)
        self.assertIn("only with in.dh", self.run_program("describe", "diagonal_ssm").stdout)
        self.assertIn("out_proj", self.run_program("describe", "diagonal_s4").stdout)


class Misuse(ProgramTest):
    def refused(self, *arguments, says):
        result = self.run_program(*arguments, code=2)
        self.assertEqual(result.stdout, "")
        self.assertTrue(result.stderr.startswith("exactscan: "), result.stderr)
        self.assertRegex(result.stderr, says)
        self.assertLessEqual(result.stderr.count("\n"), 2)

    def test_commands(self):
        self.refused(says="(?i)subcommand is required")
        self.refused("chekc", says="unknown command 'chekc'; there are check")
        self.refused("check", says="CASE is required")
        self.refused("exact", "x.npz", says="--output is required")
        self.refused("generate", "affine_scan", says="--output is required")
        self.refused("describe", "a", "b", says="b")
        self.refused("describe", "scan", says="unknown operation 'scan'; there are affine_scan, diagonal_ssm")

    def test_options_of_check(self):
        case = self.save("ok.npz", random_case())
        self.refused("check", case, "--format", "xml", says="unknown format 'xml'; there are text, json, junit")
        self.refused("check", case, "--errors", "0", says="--errors")
        self.refused("check", case, "--errors", "x", says="--errors")
        self.refused("check", case, "--threads", "-1", says="--threads")
        self.refused("check", case, "--device", "gpu", says="unknown device 'gpu'; there are cpu, cuda")
        self.refused("check", case, "--contract", "fp31", says='unknown preset "fp31"; presets are fp32')
        self.refused("check", case, "--contract", "fp32,underflow=maybe", says="underflow must be one of gradual, ftz")
        self.refused("check", case, "--contract", "", says="--contract")
        self.refused("check", case, "--colour", says="--colour")

    def test_options_of_generate(self):
        def refused(*arguments, says):
            self.refused("generate", *arguments, "--output", self.path("g.npz"), says=says)
            self.assertFalse(os.path.exists(self.path("g.npz")))

        refused("scan", says="cannot generate operation 'scan'; there are affine_scan, diagonal_ssm, diagonal_s4")
        refused("affine_scan", "--profile", "x", says="unknown profile 'x'; there are uniform, decay, mamba")
        refused("affine_scan", "--type", "fp8", says="unknown type 'fp8'; there are fp32, fp64, bf16, fp16")
        refused("affine_scan", "--shape", "Q=3", says="no dimension 'Q'; it has L, N")
        refused("affine_scan", "--shape", "L=-3", says="L is negative: -3")
        refused("affine_scan", "--shape", "L", says="'L' is not of the form NAME=SIZE")
        refused("affine_scan", "--shape", "L=3.5", says="is not of the form NAME=SIZE")
        refused("affine_scan", "--shape", "L=99999999999999999999", says="L is too large")
        refused("affine_scan", "--shape", "L=4294967296,N=4294967296", says="more than 2147483648 elements")
        refused("affine_scan", "--seed", "-1", says="seed '-1' is not an integer")
        refused("affine_scan", "--seed", "one", says="seed 'one' is not an integer")
        refused("affine_scan", "--backward", says="no gradients to choose; diagonal_ssm has")
        refused("diagonal_s4", "--profile", "gauge", says="'gauge' is for affine_scan and diagonal_ssm")
        refused("diagonal_ssm", "--profile", "mantissa", says="--time-varying")

    def test_files_that_cannot_be_written(self):
        case = self.save("ok.npz", random_case())
        self.refused("check", case, "--output", self.path("no/report"), says="no/report: cannot be written")
        self.refused("check", case, "--output", self.folder, says="Is a directory")
        self.refused("check", case, "--output", "/dev/full", says="/dev/full: cannot be written")
        self.refused("exact", case, "--output", self.path("x.txt"), says=r"x\.txt")
        self.refused("generate", "affine_scan", "--output", self.path("no/x.npz"), says=r"no/x\.npz")

    def test_full_standard_output(self):
        import subprocess
        from program import PROGRAM
        with open("/dev/full", "w") as full:
            result = subprocess.run([PROGRAM, "describe"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(result.returncode, 2)
        self.assertIn("standard output: cannot be written", result.stderr)


if __name__ == "__main__":
    unittest.main()
