"""generate, exact, check: for every operation, profile, type and form, the exact values are explained."""

import unittest

import numpy as np

from program import ProgramTest, random_case

PROFILES = ["uniform", "decay", "mamba", "growth", "cancellation", "subnormal", "special"]
LATTICES = ["gauge", "mantissa", "zigzag"]
TYPES = ["fp32", "fp64", "bf16", "fp16"]
FORMS = {  # flags of generate, and the lattices that the form has
    ("affine_scan",): LATTICES,
    ("diagonal_ssm",): ["gauge"],
    ("diagonal_ssm", "--time-varying"): LATTICES,
    ("diagonal_ssm", "--backward"): [],
    ("diagonal_ssm", "--backward", "--time-varying"): [],
    ("diagonal_s4",): [],
    ("simplified_scan",): [],
    ("simplified_scan", "--backward"): [],
    ("s5_inner", "--backward"): [],
    ("simplified_state_update",): [],
}
COMPLEX = ("simplified_scan", "s5_inner", "simplified_state_update")


class GeneratedTest(ProgramTest):
    def exact_case(self, form, profile, kind, seed=0, extension="npz", shape="L=33,N=8"):
        if form[0] in COMPLEX:
            shape = {"L=33,N=8": "L=17,N=2,H=3,P=4"}.get(shape, shape)
            extension = "npz"  # .safetensors has no complex128
        if form[0] == "simplified_state_update":
            shape = ",".join(part for part in shape.split(",") if not part.startswith("L="))
        inputs, outputs = self.path(f"in.{extension}"), self.path(f"out.{extension}")
        self.run_program("generate", *form, "--profile", profile, "--type", kind, "--seed", seed, "--shape", shape,
                         "--output", inputs)
        self.run_program("exact", inputs, "--output", outputs)
        return outputs


class RoundTrip(GeneratedTest):
    def explained(self, form, kind):
        for seed, profile in enumerate(PROFILES + FORMS[form]):
            with self.subTest(form=form, profile=profile, type=kind):
                extension = ["npz", "safetensors"][seed % 2]
                [case] = self.check(self.exact_case(form, profile, kind, seed, extension))
                self.assertEqual((case["verdict"], case["op"]), ("explained", form[0]))
                for tensor in case["tensors"]:
                    self.assertEqual(tensor["verdict"], "explained", tensor)

    def test_inputs_alone_are_no_case(self):
        self.run_program("generate", "affine_scan", "--output", self.path("in.npz"))
        [case] = self.check(self.path("in.npz"), code=2)
        self.assertIn("out", case["reason"])

    def test_generate_is_repeatable(self):
        for name in ["one.npz", "two.npz"]:
            self.run_program("generate", "affine_scan", "--seed", 7, "--shape", "L=9,N=5", "--output", self.path(name))
        one, two = np.load(self.path("one.npz")), np.load(self.path("two.npz"))
        self.assertEqual(sorted(one.files), ["in.a", "in.b", "in.h0", "op", "opt.source"])
        self.assertEqual(one["in.a"].shape, (9, 5))
        self.assertIn("--seed 7", str(one["opt.source"]))
        for name in one.files:
            np.testing.assert_array_equal(one[name], two[name])

    def test_exact_keeps_inputs_and_types(self):
        path = self.exact_case(("affine_scan",), "uniform", "fp32")
        before, after = np.load(self.path("in.npz")), np.load(path)
        for name in before.files:
            np.testing.assert_array_equal(before[name], after[name])
        self.assertEqual({after[name].dtype for name in after.files if name.startswith("out.")}, {np.dtype(np.float32)})
        self.assertIn("out.summary_b", after.files)
        a, b = after["in.a"].astype(np.float64), after["in.b"].astype(np.float64)
        h = after["in.h0"].astype(np.float64)
        for t in range(len(a)):
            h = a[t] * h + b[t]
        np.testing.assert_allclose(after["out.h_last"], h, rtol=1e-7)

    def test_empty_shapes(self):
        for shape in ["L=0,N=3", "L=3,N=0", "L=0,N=0"]:
            for form in [("affine_scan",), ("diagonal_ssm", "--backward"), ("diagonal_s4",),
                         ("simplified_scan", "--backward"), ("simplified_state_update",)]:
                with self.subTest(shape=shape, form=form):
                    self.check(self.exact_case(form, "uniform", "fp32", shape=shape))


class LatticeTest(GeneratedTest):
    def test_one_bit_is_refuted(self):
        """Zero allowance: the neighbour of the exact value is refuted, wherever it stands."""
        for form, profile, kind in [(form, profile, kind) for form, lattices in FORMS.items() for profile in lattices
                                    for kind in ["fp16", "fp32", "fp64"]]:
            with self.subTest(form=form, profile=profile, type=kind):
                case = dict(np.load(self.exact_case(form, profile, kind, shape="L=40,N=4")))
                index = (23, 2)
                while case["out.h"][index] == 0:
                    index = (index[0] + 1, 2)
                case["out.h"][index] = np.nextafter(case["out.h"][index], case["out.h"].dtype.type(np.inf))
                np.savez(self.path("bit.npz"), **case)
                [report] = self.check(self.path("bit.npz"), code=1)
                [h] = [tensor for tensor in report["tensors"] if tensor["name"] == "h"]
                self.assertEqual((h["refuted"], h["witness"]["index"]), (1, list(index)))
                self.assertEqual(h["witness"]["allowance"], 0)
                self.assertEqual(h["max_ratio"], "inf")

    def test_a_false_claim_is_found_out(self):
        """opt.exact on data off the lattice would ask for an allowance that no theorem gives."""
        [report] = self.check(self.save("lie.npz", random_case(), exact=True), code=2)
        self.assertIn("opt.exact", report["reason"])


# One test a form and type, so that a failure names them.
for _form in FORMS:
    for _kind in TYPES if _form[0] not in COMPLEX else TYPES[:2]:
        _name = "_".join(["test", *(part.strip("-").replace("-", "_") for part in _form), _kind])
        setattr(RoundTrip, _name, lambda self, form=_form, kind=_kind: self.explained(form, kind))

if __name__ == "__main__":
    unittest.main()
