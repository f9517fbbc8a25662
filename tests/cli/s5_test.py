"""S5 from a stranger's side: a scan written in NumPy, its cases in complex64 and complex128, of both byte orders."""

import unittest

import numpy as np

from program import ProgramTest


def inputs(seed=0, N=2, H=3, P=4, L=50, dtype=np.complex64):
    rng = np.random.default_rng(seed)
    real = np.float32 if dtype == np.complex64 else np.float64
    z = lambda *shape: (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)
    return {"u": z(N, H, L), "delta": rng.uniform(0.001, 0.1, (N, P, L)).astype(real),
            "A": (-0.5 + 1j * np.pi * np.arange(P)).astype(dtype), "B": z(P, H), "C": z(H, P)}


def simplified_scan(u, delta, A, B, C):
    """Bilinear, step by step, in the type of the inputs."""
    half = delta * (A / 2)[:, None]
    Abar, Bbar = (1 + half) / (1 - half), delta / (1 - half)
    b = Bbar * np.einsum("ph,nhl->npl", B, u)
    x = np.zeros_like(b)
    state = np.zeros_like(b[:, :, 0])
    for t in range(b.shape[2]):
        state = Abar[:, :, t] * state + b[:, :, t]
        x[:, :, t] = state
    return np.einsum("hp,npl->nhl", C, x), state


class S5Test(ProgramTest):
    def case(self, name="s5.npz", order="<", dtype=np.complex64, **options):
        arrays = inputs(dtype=dtype)
        y, last = simplified_scan(**arrays)
        swap = lambda a: a.astype(a.dtype.newbyteorder(order))
        return self.save(name, {**{"in." + k: swap(v) for k, v in arrays.items()}, "out.y": swap(y),
                                "out.last_state": swap(last)}, op="simplified_scan", **options)

    def test_numpy_is_explained(self):
        for order in "<>":
            for dtype, contract in [(np.complex64, "fp32"), (np.complex128, "fp64")]:
                with self.subTest(order=order, dtype=dtype):
                    [case] = self.check(self.case(order=order, dtype=dtype))
                    self.assertEqual((case["verdict"], case["contract"]), ("explained", contract))
                    self.assertEqual([t["elements"] for t in case["tensors"]], [2 * 3 * 50, 2 * 4])

    def test_a_missing_conjugation_is_refuted(self):
        arrays = inputs()
        y, _ = simplified_scan(**{**arrays, "A": arrays["A"].conj()})
        [case] = self.check(self.save("bad.npz", {**{"in." + k: v for k, v in arrays.items()}, "out.y": y},
                                      op="simplified_scan", discretization="bilinear"), code=1)
        witness = case["tensors"][0]["witness"]
        self.assertEqual(len(witness["index"]), 3)
        self.assertIn("i", witness["exact"])
        exact = complex(witness["exact"].replace("i", "j"))
        good, _ = simplified_scan(**inputs(dtype=np.complex128))
        self.assertTrue(np.isfinite(abs(exact)) and good is not None)

    def test_real_and_complex_are_not_mixed_up(self):
        arrays = {"in." + k: v for k, v in inputs().items()}
        y, _ = simplified_scan(**inputs())
        for name, wrong in [("in.u", arrays["in.u"].real), ("in.delta", arrays["in.delta"].astype(np.complex64)),
                            ("out.y", y.real)]:
            with self.subTest(name=name):
                [case] = self.check(self.save("mixed.npz", {**arrays, "out.y": y, name: wrong}, op="simplified_scan"), code=2)
                self.assertIn(name + " is ", case["reason"])

    def test_documented_example(self):
        """docs/check-an-s5-kernel.md's own call, with NumPy in the place of PyTorch."""
        arrays = inputs(seed=3)
        y, last = simplified_scan(**arrays)
        np.savez(self.path("s5_case.npz"), op="simplified_scan", **{"in." + k: v for k, v in arrays.items()},
                 **{"out.y": y, "out.last_state": last, "opt.discretization": "bilinear"})
        self.check(self.path("s5_case.npz"), "--contract", "fp32")


if __name__ == "__main__":
    unittest.main()
