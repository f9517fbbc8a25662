#!/usr/bin/env python3
"""Writes the seeds of the fuzzers to fuzz/seeds: small files that between them hold every feature.
Run it by hand when the formats change; the seeds are in the repository."""
import json
import pathlib
import struct

import numpy as np

HERE = pathlib.Path(__file__).parent / "seeds"


def main():
    npz, safetensors = HERE / "npz", HERE / "safetensors"
    for folder in (npz, safetensors):
        folder.mkdir(parents=True, exist_ok=True)
    f32 = np.arange(6, dtype="<f4").reshape(2, 3)
    with open(npz / "stored", "wb") as file:
        np.savez(file, op="affine_scan", **{"in.a": f32, "out.h": np.asfortranarray(f32.astype(">f2"))})
    with open(npz / "deflated", "wb") as file:
        np.savez_compressed(file, op=np.array(b"affine_scan"), **{
            "in.a": f32, "opt.exact": True, "opt.n": np.array(64, ">i4"), "opt.s": np.array("é", ">U1")})
    arrays = {"fortran_big": np.asfortranarray(f32.astype(">f8")), "bfloat16": np.zeros((3, 1), "V2"),
              "complex": f32.astype(">c8"), "text": np.array("héllo"), "bytes": np.array(b"hello"), "bool": np.array(True),
              "int": np.array(-5, ">i8"), "empty": np.zeros((0, 4), "u2"), "half": np.array(0.5, "f2")}
    for name, array in arrays.items():
        with open(npz / name, "wb") as file:
            np.save(file, array)
    f32_entry = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
    files = {"one": ({"__metadata__": {"op": "affine_scan", "opt.exact": "true"}, "in.a": f32_entry}, 24),
             "four": ({"__metadata__": {"format": "pt", "op": "x"}, "in.é": {**f32_entry, "dtype": "U32"},
                       "in.b": {"dtype": "BF16", "shape": [], "data_offsets": [24, 26]},
                       "out.h": {"dtype": "BOOL", "shape": [1, 1], "data_offsets": [26, 27]},
                       "out.e": {"dtype": "C64", "shape": [0, 2], "data_offsets": [27, 27]}}, 27),
             "bare": ({"__metadata__": {"op": "x"}}, 0)}
    for name, (header, size) in files.items():
        text = json.dumps(header).encode()
        (safetensors / name).write_bytes(struct.pack("<Q", len(text)) + text + bytes(range(size)))
    contracts = ["", "fp32", "bf16,depth=24", "accumulate=fp16,underflow=ftz", "fp64,rounding=any,store=any,exp_ulp=0.5",
                 "accumulate=bf16,depth=none,store=nearest,underflow=gradual,rounding=nearest,exp_ulp=1e3"]
    (HERE / "contract").mkdir(exist_ok=True)
    for number, text in enumerate(contracts):
        (HERE / "contract" / str(number)).write_bytes(text.encode())
    # The header of tests/kernels/trial.hpp: kernel, operation, profile, type, L, N, I, O, layout, padding, misaligned,
    # output, with states, without h0, four bytes of seed; then data. Every operation and type meets a profile and bytes.
    (HERE / "kernels").mkdir(exist_ok=True)
    for number in range(14):
        generated = number % 2
        header = [number, number % 6, generated * (1 + number // 2), number % 4, [5, 66, 130][number % 3], 1 + 5 * number % 22,
                  1 + number % 5, 1 + number % 3, number % 3, number % 4, number % 7, number % 3, number % 2, number // 7 % 2,
                  number, 0, 0, 1]
        data = b"" if generated else struct.pack("<4f", 0.5, -1.25, 3e-39, 1 - 2**-24)[:16]
        (HERE / "kernels" / str(number)).write_bytes(bytes(header) + data)
    # The header of tests/kernels/system_trial.hpp: kernel, form, profile, type, variant, eight sizes, misaligned, poison,
    # in place, four bytes of seed; then data. Every kernel meets bytes, digits and two profiles of the generator.
    (HERE / "systems").mkdir(exist_ok=True)
    for number in range(48):
        kernel, family = number % 16, number // 16
        sizes = [1 + number % 2, 2, 5 + number % 13, 3, 1, 3, 2 + number % 5, 4]
        header = [kernel, number % 5, [0, 1, 2 + number % 7][family], number % 2, 3 * number % 29, *sizes, number % 4, number % 2,
                  number // 2 % 2, number, 0, 0, 7]
        data = [struct.pack("<4f", 0.5, -1.25, 3e-39, 1 - 2**-24), bytes([160, 96, 129, 200, 127]), b""][family]
        (HERE / "systems" / str(number)).write_bytes(bytes(header) + data)


if __name__ == "__main__":
    main()
