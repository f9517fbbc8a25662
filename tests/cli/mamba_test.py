"""The Mamba systems from a stranger's side: cases written with NumPy, and generate, exact, check in a round."""

import unittest

import numpy as np

from program import ProgramTest

PROFILES = ["uniform", "decay", "mamba", "growth", "subnormal", "special", "trigger"]
FORMS = {
    ("selective_scan",): "D=4,L=19,N=3",
    ("selective_scan", "--backward"): "D=4,L=9,N=2",
    ("selective_state_update",): "D=2,N=3",
    ("mamba_block",): "L=7,I=3,N=4,O=2",
    ("selective_mamba_block",): "L=7,I=3,E=3,N=2,O=2",
    ("ssd",): "T=11,P=2,N=3,Q=4",
    ("ssd", "--backward"): "T=7,P=2,N=2,Q=3",
}


def softplus(x):
    return np.log1p(np.exp(x))


def selective_scan(u, delta, A, B, C, D, z):
    """The naive recurrence in the arrays' own type; B and C without groups."""
    batch, channels, length = u.shape
    y = np.empty_like(u)
    for b in range(batch):
        h = np.zeros_like(A)
        for t in range(length):
            step = softplus(delta[b, :, t])[:, None]
            h = np.exp(step * A) * h + step * B[b, :, t] * u[b, :, t][:, None]
            y[b, :, t] = (h * C[b, :, t]).sum(axis=1, dtype=u.dtype) + D * u[b, :, t]
    return y * (z / (1 + np.exp(-z)))


def random_scan(seed=0):
    rng = np.random.default_rng(seed)
    normal = lambda *shape: rng.normal(size=shape).astype(np.float32)
    case = {"in.u": normal(2, 3, 40), "in.delta": normal(2, 3, 40), "in.A": -np.exp(normal(3, 4)), "in.B": normal(2, 4, 40),
            "in.C": normal(2, 4, 40), "in.D": normal(3), "in.z": normal(2, 3, 40)}
    case["out.y"] = selective_scan(*(case["in." + name] for name in ["u", "delta", "A", "B", "C", "D", "z"]))
    return case


class Numpy(ProgramTest):
    def case(self, name, tensors, **options):
        return self.save(name, tensors, op="selective_scan", **options)

    def test_naive_scan_is_explained(self):
        [report] = self.check(self.case("good.npz", random_scan(), delta_softplus=True))
        self.assertEqual((report["verdict"], report["contract"]), ("explained", "fp32"))

    def test_planted_error_is_refuted_at_its_place(self):
        tensors = random_scan()
        tensors["out.y"][1, 2, 17] *= np.float32(1.001)
        [report] = self.check(self.case("bad.npz", tensors, delta_softplus=True), code=1)
        [tensor] = report["tensors"]
        self.assertEqual((tensor["refuted"], tensor["witness"]["index"]), (1, [1, 2, 17]))

    def test_missing_softplus_is_refuted(self):
        [report] = self.check(self.case("raw.npz", random_scan()), code=1)
        self.assertEqual(report["verdict"], "refuted")

    def test_groups_that_do_not_divide_are_refused(self):
        tensors = random_scan()
        tensors["in.B"] = np.stack([tensors["in.B"]] * 2, axis=1)
        [report] = self.check(self.case("groups.npz", tensors), code=2)
        self.assertIn("groups", report["reason"])


class RoundTrip(ProgramTest):
    def explained(self, form, kind):
        for seed, profile in enumerate(PROFILES):
            with self.subTest(form=form, profile=profile, type=kind):
                inputs, outputs = self.path("in.npz"), self.path("out.npz")
                self.run_program("generate", *form, "--profile", profile, "--type", kind, "--seed", seed, "--shape", FORMS[form],
                                 "--output", inputs)
                self.run_program("exact", inputs, "--output", outputs)
                [case] = self.check(outputs)
                self.assertEqual((case["verdict"], case["op"]), ("explained", form[0]), case)

    def test_lattices_are_refused(self):
        done = self.run_program("generate", "ssd", "--profile", "gauge", "--output", self.path("in.npz"), code=2)
        self.assertIn("gauge", done.stderr)


for form in FORMS:
    for kind in ["fp32", "bf16", "fp64"]:
        name = "test_" + "_".join(part.strip("-") for part in form) + "_" + kind
        setattr(RoundTrip, name, lambda self, form=form, kind=kind: self.explained(form, kind))


if __name__ == "__main__":
    unittest.main()
