#!/usr/bin/env python3
"""NumPy's files are read as NumPy means them, and NumPy reads what is written: numpy_test.py CASE_TOOL

Every array goes three ways: NumPy writes and case_tool shows it; case_tool copies the file to .npz, and NumPy reads
the copy; case_tool copies it to .safetensors and back.
"""
import io
import json
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

try:
    import numpy as np
except ImportError:
    sys.exit("numpy_test.py: NumPy is missing (Debian: python3-numpy); without it this test fails")

TOOL = ""
TYPES = {"float64": "<f8", "float32": "<f4", "float16": "<f2", "complex64": "<c8", "complex128": "<c16", "int8": "i1",
         "int16": "<i2", "int32": "<i4", "int64": "<i8", "uint8": "u1", "uint16": "<u2", "uint32": "<u4",
         "uint64": "<u8", "bool": "?", "bfloat16": "V2"}


def random_array(rng, name, shape):
    data = rng.integers(0, 256, int(np.prod(shape)) * np.dtype(TYPES[name]).itemsize, dtype=np.uint8)
    if name == "bool":
        data &= 1
    return np.frombuffer(data.tobytes(), TYPES[name]).reshape(shape)


class NumPyTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.rng = np.random.default_rng(20260401)

    def run_tool(self, *words):
        result = subprocess.run([TOOL, *map(str, words)], capture_output=True, text=True, check=False)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def dump(self, path):
        return json.loads(self.run_tool("dump", path))

    def expect_tensor(self, shown, array, type_name):
        self.assertEqual(shown["type"], type_name)
        self.assertEqual(shown["shape"], list(array.shape))
        little = array if array.dtype.kind == "V" else array.astype(array.dtype.newbyteorder("<"))
        self.assertEqual(bytes.fromhex(shown["data"]), little.tobytes("C"))

    def expect_array(self, array, wanted):
        self.assertEqual((array.dtype, array.shape), (wanted.dtype, wanted.shape))
        self.assertEqual(array.tobytes(), wanted.tobytes("C"))

    def test_every_type_order_and_layout(self):
        for save in (np.savez, np.savez_compressed):
            for shape in ((), (0,), (1,), (7,), (3, 5), (2, 3, 4), (4, 0, 3), (1, 2, 3, 2)):
                arrays, wanted = {}, {}
                for name in TYPES:
                    array = random_array(self.rng, name, shape)
                    variants = {"c": array, "f": np.asfortranarray(array), "t": array.T}
                    if array.dtype.kind in "fciu":
                        variants["big"] = array.astype(array.dtype.newbyteorder(">"))
                        variants["bigf"] = np.asfortranarray(variants["big"])
                    for key, variant in variants.items():
                        arrays[f"in.{name}_{key}"] = variant
                        wanted[f"{name}_{key}"] = (variant, name)
                path, copy = self.folder / "case.npz", self.folder / "copy.npz"
                save(path, op="affine_scan", **arrays)
                shown = self.dump(path)["in"]
                self.assertEqual(set(shown), set(wanted))
                for key, (array, type_name) in wanted.items():
                    with self.subTest(save=save.__name__, shape=shape, key=key):
                        self.expect_tensor(shown[key], array, type_name)
                self.run_tool("copy", path, copy)
                with np.load(copy) as back:  # allow_pickle is off
                    self.assertEqual(str(back["op"]), "affine_scan")
                    for key, (array, type_name) in wanted.items():
                        with self.subTest(shape=shape, back=key):
                            little = array.astype(array.dtype.newbyteorder("<")) if type_name != "bfloat16" else array
                            self.expect_array(back["in." + key], np.asarray(little, order="C"))

    def test_options(self):
        options = {"text": "tf32 → bf16", "empty": "", "emoji": "a🙂b", "yes": True, "no": np.bool_(False), "int": 64,
                   "negative": np.int8(-3), "unsigned": np.uint32(2**32 - 1), "float": 0.1, "half": np.float16(0.5),
                   "single": np.float32(0.1), "big": np.array(1.5, ">f8"), "big_int": np.array(-70000, ">i4"),
                   "huge": 2**63 - 1, "big_text": np.array("äß", ">U4"), "bytes": np.array(b"plain"),
                   "lines": "two\nlines"}
        path, copy = self.folder / "case.npz", self.folder / "copy.npz"
        np.savez(path, op=np.array("diagonal_ssm", ">U20"), **{"opt." + k: v for k, v in options.items()})
        shown = self.dump(path)
        self.assertEqual(shown["op"], "diagonal_ssm")
        wanted = {k: v.decode() if isinstance(v, bytes) else v for k, v in
                  ((k, np.asarray(v).item()) for k, v in options.items())}
        self.assertEqual(shown["opt"], wanted)
        self.assertEqual({k: type(v) for k, v in shown["opt"].items()}, {k: type(v) for k, v in wanted.items()})
        self.run_tool("copy", path, copy)
        with np.load(copy) as back:
            for key, value in wanted.items():
                self.assertEqual(back["opt." + key].shape, ())
                self.assertEqual(back["opt." + key].item(), value)

    def npy_of(self, array, version):
        stream = io.BytesIO()
        np.lib.format.write_array(stream, np.asarray(array), version=version)
        return stream.getvalue()

    def test_header_versions_and_zip64_local_headers(self):
        array = random_array(self.rng, "float32", (3, 4))
        for version in ((1, 0), (2, 0), (3, 0)):
            for force_zip64 in (False, True):
                path = self.folder / "case.npz"
                with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                    for name, value in (("op", "affine_scan"), ("in.a", array)):
                        with archive.open(name + ".npy", "w", force_zip64=force_zip64) as member:
                            member.write(self.npy_of(value, version))
                self.expect_tensor(self.dump(path)["in"]["a"], array, "float32")

    def test_archive_written_to_a_pipe(self):
        """Sizes then stand behind the data, not in the local header."""
        class Pipe(io.RawIOBase):
            def __init__(self):
                super().__init__()
                self.held = bytearray()

            def writable(self):
                return True

            def write(self, data):
                self.held += data
                return len(data)

        pipe = Pipe()
        array = random_array(self.rng, "float64", (50, 2))
        np.savez_compressed(pipe, op="affine_scan", **{"in.a": array})
        path = self.folder / "case.npz"
        path.write_bytes(pipe.held)
        self.expect_tensor(self.dump(path)["in"]["a"], array, "float64")

    def test_header_as_other_writers_space_it(self):
        data = struct.pack("<2f", 1, 2)
        for header in ('{"shape":(2,),"fortran_order":False,"descr":"<f4"}', "{ 'descr' : '=f4' , 'shape' : ( 2 , ) ,"
                       " 'fortran_order' : True , }\n", "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}"):
            path = self.folder / "case.npz"
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("op.npy", self.npy_of("affine_scan", (1, 0)))
                archive.writestr("in.a", b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + data)
            self.expect_tensor(self.dump(path)["in"]["a"], np.array([1, 2], "<f4"), "float32")

    def test_zeros_compress_a_thousandfold(self):
        array = np.zeros((1000, 4000), np.float32)
        path = self.folder / "case.npz"
        np.savez_compressed(path, op="affine_scan", **{"in.a": array})
        self.assertGreater(array.nbytes / path.stat().st_size, 900)
        self.expect_tensor(self.dump(path)["in"]["a"], array, "float32")

    def test_arrays_written_are_aligned(self):
        path, copy = self.folder / "case.npz", self.folder / "copy.npz"
        np.savez(path, op="affine_scan", **{"in.a": np.zeros((3, 4), np.float32), "in.b": np.zeros(9)})
        self.run_tool("copy", path, copy)
        with zipfile.ZipFile(copy) as archive:
            self.assertIsNone(archive.testzip())
            self.assertEqual(archive.namelist(), ["op.npy", "in.a.npy", "in.b.npy"])
            for info in archive.infolist():
                self.assertEqual(info.compress_type, zipfile.ZIP_STORED)
                data = archive.read(info)
                self.assertEqual((10 + struct.unpack("<H", data[8:10])[0]) % 64, 0)

    def read_safetensors(self, path):
        """By the format's definition, apart from the C++."""
        raw = path.read_bytes()
        length = struct.unpack("<Q", raw[:8])[0]
        header = json.loads(raw[8:8 + length])
        metadata = header.pop("__metadata__")
        data = raw[8 + length:]
        return metadata, {k: (t["dtype"], t["shape"], data[slice(*t["data_offsets"])]) for k, t in header.items()}

    def test_safetensors(self):
        names = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "complex64": "C64",
                 "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64", "uint8": "U8", "uint16": "U16",
                 "uint32": "U32", "uint64": "U64", "bool": "BOOL"}
        arrays = {name: random_array(self.rng, name, shape) for name, shape in
                  zip(names, [(), (3,), (5, 1), (0, 4), (2, 3)] * 3)}
        path, middle, back = (self.folder / n for n in ("case.npz", "case.safetensors", "back.npz"))
        np.savez(path, op="affine_scan", **{"opt.exact": True, "opt.n": 64, "opt.x": 0.1, "opt.s": 'say "é"'},
                 **{"out." + k: v for k, v in arrays.items()})
        self.run_tool("copy", path, middle)
        metadata, tensors = self.read_safetensors(middle)
        self.assertEqual(metadata, {"op": "affine_scan", "opt.exact": "true", "opt.n": "64", "opt.x": "0.1",
                                    "opt.s": 'say "é"'})
        self.assertEqual(tensors, {"out." + k: (names[k], list(v.shape), v.tobytes()) for k, v in arrays.items()})
        self.run_tool("copy", middle, back)
        with np.load(back) as loaded:
            for name, array in arrays.items():
                self.expect_array(loaded["out." + name], array)

    def test_safetensors_of_other_writers(self):
        """Padding, "format", tensors in another order than their data."""
        header = json.dumps({"in.b": {"data_offsets": [8, 12], "shape": [2], "dtype": "BF16"},
                             "__metadata__": {"format": "pt", "op": "affine_scan", "opt.exact": "true"},
                             "in.a": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}}).encode() + b"   "
        path = self.folder / "case.safetensors"
        path.write_bytes(struct.pack("<Q", len(header)) + header + struct.pack("<2f", 1, -2) + b"\x80\x3f\x00\x40")
        shown = self.dump(path)
        self.assertEqual((shown["op"], shown["opt"]), ("affine_scan", {"exact": "true"}))
        self.expect_tensor(shown["in"]["a"], np.array([[1, -2]], "<f4"), "float32")
        self.assertEqual(shown["in"]["b"], {"type": "bfloat16", "shape": [2], "data": "803f0040"})


if __name__ == "__main__":
    TOOL = sys.argv.pop(1)
    unittest.main()
