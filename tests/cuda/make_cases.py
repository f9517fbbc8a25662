#!/usr/bin/env python3
"""Turns a dump of the CUDA tests into case files: make_cases.py DUMP_FOLDER CASE_FOLDER."""
import pathlib
import sys

import numpy as np


def convert(listing: pathlib.Path, to: pathlib.Path) -> None:
    case = {}
    for line in listing.read_text().splitlines():
        kind, *rest = line.split(" ")
        if kind == "op":
            case["op"] = rest[0]
        elif kind == "opt":
            key, type_name, value = rest[0], rest[1], " ".join(rest[2:])
            read = {"str": str, "bool": lambda v: v == "true", "int": int, "float": float}[type_name]
            case["opt." + key] = read(value)
        elif kind == "tensor":
            key, type_name, file, *shape = rest
            dtype = np.dtype("V2" if type_name == "bf16" else "<" + type_name)
            case[key] = np.fromfile(listing.parent / file, dtype=dtype).reshape([int(n) for n in shape])
        else:
            raise SystemExit(f"{listing}: unknown line: {line}")
    np.savez(to / (listing.stem + ".npz"), **case)


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    source, to = map(pathlib.Path, sys.argv[1:])
    to.mkdir(parents=True, exist_ok=True)
    listings = sorted(source.glob("*.txt"))
    for listing in listings:
        convert(listing, to)
    print(f"{len(listings)} case files in {to}")


main()
