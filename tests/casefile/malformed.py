#!/usr/bin/env python3
"""Writes case files that must be refused, each with one fault that its name tells.

    malformed.py FOLDER               writes the files, and FOLDER/expected.tsv
    malformed.py FOLDER --tool TOOL   and runs `TOOL dump FILE` over those that a reader alone must refuse:
                                      exit code 2, one line on stderr, with the file's name and the expected words,
                                      in bounded memory

expected.tsv has a line a file: its name, "reader" or "check" (the container is sound, the contents make no sense:
only validation against the operation can tell), and words that the message must hold, separated by " | ".
Needs nothing but the standard library.
"""
import argparse
import json
import pathlib
import resource
import struct
import subprocess
import sys
import zlib

from container_builders import (npy_header, npy, floats, text, Member, archive, OP, sound, with_a,
    safetensors, tensor, META, sound_header, sound_safetensors)

READER = {}  # file name -> (bytes, words)
CHECK = {}
TIME_LIMIT = 60  # seconds a file: generous, for sanitizers on a busy machine
MEMORY_LIMIT = 400 << 20  # bytes resident, sanitizers included


def reader(name, data, *words):
    assert name not in READER
    READER[name] = (data, words)


def check(name, data, *words):
    assert name not in CHECK
    CHECK[name] = (data, words)


# --- .npy -------------------------------------------------------------------------------------------------------


def containers():
    good = archive(sound())
    reader("empty.npz", b"", "is empty")
    reader("empty.safetensors", b"", "is empty")
    reader("wrong_magic.npz", b"#!/bin/sh\nexit 0\n", "wrong magic")
    reader("wrong_magic.safetensors", b"\x89HDF\r\n\x1a\n" + bytes(64), "wrong magic")
    reader("single_npy.npz", npy(), "single .npy array")
    reader("truncated_half.npz", good[:len(good) // 2], "truncated")
    reader("truncated_last_byte.npz", good[:-1], "truncated")
    reader("only_the_first_bytes.npz", good[:4], "truncated")
    reader("bytes_after_the_end.npz", good + b"\0" * 8, "bytes after its end")
    reader("archive_comment.npz", archive(sound(), comment=b"hello"), "comment")
    reader("no_members.npz", archive([]), "op is missing")


def zip_directory():
    reader("wrong_crc_stored.npz", with_a(npy(), crc=0x12345678), "in.a", "CRC")
    reader("wrong_crc_deflated.npz", with_a(npy(), deflate=True, crc=0x12345678), "in.a", "CRC")
    reader("encrypted.npz", with_a(npy(), flags=1), "in.a", "encrypted")
    reader("encrypted_in_local_header_only.npz", with_a(npy(), local_flags=1), "in.a", "encrypted")
    reader("unknown_method.npz", with_a(npy(), method=14), "in.a", "method 14")
    reader("methods_disagree.npz", with_a(npy(), central_method=8), "in.a", "method")
    reader("name_differs_in_local_header.npz", with_a(npy(), local_name=b"in.x.npy"), "in.a", "in.x")
    reader("duplicate_member.npz", archive(sound() + [Member("in.a.npy", npy())]), "in.a", "twice")
    reader("duplicate_with_and_without_suffix.npz", archive(sound() + [Member("in.a", npy())]), "in.a", "twice")
    reader("duplicate_op.npz", archive(sound() + [Member("op", text("affine_scan"))]), "op", "twice")
    reader("overlapping_members.npz", archive(sound(in_a=Member("in.a.npy", npy(), size=200, compressed=200))), "in.b",
           "overlaps")
    inner = archive([Member("in.b.npy", npy())])[:30 + len("in.b.npy") + len(npy())]
    first = Member("in.a.npy", inner)
    reader("member_inside_a_member.npz",
           archive([first, Member("in.b.npy", npy(), central_offset=30 + len("in.a.npy"))]), "in.b", "overlaps")
    zip64 = struct.pack("<HHQQ", 1, 16, len(npy()), len(npy()))
    reader("zip64_entry.npz", with_a(npy(), central_extra=zip64, central_size=0xFFFFFFFF,
                                     central_compressed=0xFFFFFFFF), "in.a", "zip64")
    reader("zip64_extra_field.npz", with_a(npy(), central_extra=zip64), "in.a", "zip64")
    good = archive(sound())
    locator = struct.pack("<IIQI", 0x07064B50, 0, 0, 1)
    reader("zip64_locator.npz", good[:-22] + locator + good[-22:], "zip64")
    reader("zip64_count.npz", archive(sound(), here=0xFFFF, total=0xFFFF), "zip64")
    reader("several_disks.npz", archive(sound(), disk=1), "disks")
    reader("member_on_another_disk.npz", with_a(npy(), central_disk=3), "in.a", "disk")
    reader("more_entries_claimed.npz", archive(sound(), here=9, total=9), "directory is malformed")
    reader("fewer_entries_claimed.npz", archive(sound(), here=2, total=2), "more than its entries")
    reader("directory_offset_wrong.npz", archive(sound(), offset=0x7FFFFFF0), "directory is not where")
    reader("directory_size_wrong.npz", archive(sound(), size=1 << 31), "directory is not where")
    reader("local_header_outside.npz", with_a(npy(), central_offset=0xFFFFFF00), "in.a", "outside the file")
    reader("no_local_header_there.npz", with_a(npy(), central_offset=7), "in.a", "no local header")
    reader("data_runs_into_directory.npz", archive([OP, Member("in.a.npy", npy(), size=5000, compressed=5000)]),
           "in.a", "runs into")
    reader("malformed_extra_field.npz", with_a(npy(), local_extra=b"\x01\x00\xff\x00"), "in.a", "extra field")


def sizes():
    zeros = npy("<f4", "(1000, 1000)", bytes(4_000_000))
    reader("stored_with_two_sizes.npz", with_a(npy(), size=len(npy()) + 9), "in.a", "two sizes")
    reader("bomb_by_claim.npz", with_a(npy(), deflate=True, size=0xF0000000), "in.a", "deflate can reach")
    reader("bomb_behind_small_size.npz", with_a(zeros, deflate=True, size=len(npy())), "in.a", "promises 4000000")
    small = npy("<f4", "(2, 3)", bytes(4_000_000))
    reader("inflates_past_its_size.npz", with_a(small, deflate=True, size=len(npy())), "in.a", "inflates past")
    shown = npy("<f4", "(1000, 1000)", bytes(1_000))
    reader("inflates_to_less_than_its_size.npz", with_a(shown, deflate=True, size=len(shown) - 1_000 + 4_000_000),
           "in.a", "deflate can reach")
    half = npy("<f4", "(1000, 1000)", zlib.compress(bytes(100), 0) + bytes(range(256)) * 40)
    reader("ends_before_its_size.npz", with_a(half, deflate=True, size=len(half) - 10351 + 10_500), "in.a")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = npy("<f4", "(75000000,)", b"")
    packed = packer.compress(head) + b"".join(packer.compress(bytes(1_000_000)) for _ in range(300)) + packer.flush()
    bomb = Member("in.a.npy", packed, method=8, size=len(head) + 300_000_000)
    reader("bomb_of_300_MB.npz", archive([OP, bomb]), "more than the limit")
    crash = Member("in.a.npy", b"\xff" * 60, method=8, size=len(npy()))
    reader("deflate_garbage.npz", archive([OP, crash]), "in.a", "damaged")
    cut = Member("in.a.npy", Member("", npy(), deflate=True).packed[:-8], method=8, size=len(npy()))
    reader("deflate_cut_short.npz", archive([OP, cut]), "in.a")


def npy_headers():
    def header(name, data, *words):
        reader(f"npy_{name}.npz", with_a(data), "in.a", *words)

    header("no_bytes", b"", "too short")
    header("wrong_magic", b"\x93NUMPX" + npy()[6:], "wrong magic")
    header("unknown_version", b"\x93NUMPY\x09" + npy()[7:], "version 9")
    header("header_longer_than_member", npy(length=40_000), "longer than the array")
    header("header_of_4_GB", npy(version=2, length=0xFFFFFFF0), "header of 4294967280 bytes")
    header("promises_more_than_held", npy(shape="(2, 300)"), "promises 2400", "24 are there")
    header("promises_less_than_held", npy(shape="(2, 2)"), "promises 16", "24 are there")
    header("promises_an_exabyte", npy(shape="(1073741824, 268435456)"), "promises 1152921504606846976")
    header("shape_overflows", npy(shape="(4294967296, 4294967296)"), "63 bits")
    header("shape_overflows_to_the_right_size", npy(shape="(2, 3, 4611686018427387905)"), "63 bits")
    header("dimension_overflows", npy(shape="(18446744073709551618, 3)"), "63 bits")
    header("shape_negative", npy(shape="(-2, -3)"), "negative")
    header("shape_float", npy(shape="(2.0, 3)"), "2.0", "not an integer")
    header("shape_nan", npy(shape="(nan, 3)"), "nan", "not an integer")
    header("shape_not_a_tuple", npy(shape="6"), "expected '('")
    header("shape_number_in_brackets", npy(shape="(6)"), "not a tuple")
    header("shape_of_40_dimensions", npy(shape="(" + "1, " * 40 + ")"), "more than 32 dimensions")
    header("empty_with_a_huge_dimension", npy(shape="(0, 1000000000000)", data=b""), "is empty")
    header("object_array", npy("|O"), "pickled")
    header("datetime", npy("<M8[ns]"), "<M8[ns]")
    header("long_double", npy("<f16"), "<f16")
    header("no_byte_order", npy("|f4"), "|f4")
    header("big_endian_bfloat16", npy(">V2"), ">V2")
    header("structured", npy_header("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2, 3), }") + floats(6),
           "structured")
    header("strings", npy("<U1", "(2, 3)", bytes(24)), "strings")
    header("string_of_2_EB", npy("<U2305843009213693952", "()", b""), "malformed")
    header("key_twice", npy_header("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }")
           + floats(6), "'descr' is given twice")
    header("key_missing", npy_header("{'descr': '<f4', 'shape': (2, 3), }") + floats(6), "missing")
    header("key_unknown", npy_header("{'descr': '<f4', 'evil': 1, }") + floats(6), "unknown key 'evil'")
    header("code_instead_of_a_dictionary", npy_header("__import__('os').abort()") + floats(6), "expected '{'")
    header("deep_brackets", npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': " + "(" * 9000 + ")" * 9000
                                       + ", }") + floats(6), "not an integer")
    header("string_without_end", npy_header("{'descr': '<f4") + floats(6), "no end")
    header("order_is_maybe", npy(fortran="Maybe"), "neither True nor False")
    header("text_after_dictionary", npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } + x")
           + floats(6), "follows the dictionary")


def names_and_strings():
    def name(title, member, *words):
        reader(f"name_{title}.npz", archive(sound() + [member]), *words)

    name("unknown_prefix", Member("input.a.npy", npy()), "input.a")
    name("empty_after_prefix", Member("in..npy", npy()), "'in.'")
    name("empty", Member("", npy()), "not a name of a case")
    name("not_utf8", Member(b"in.\xff\xfe.npy", npy()), "in.\\xff\\xfe", "not valid UTF-8")
    name("with_newline", Member("in.a\nb.npy", npy()), "in.a\\x0ab", "control characters")
    name("with_nul", Member("in.a\0b.npy", npy()), "in.a\\x00b", "control characters")
    name("with_terminal_escape", Member("in.\x1b[2J.npy", npy()), "\\x1b", "control characters")
    name("of_60000_bytes", Member("in." + "a" * 60_000 + ".npy", npy()), "longer than 255 bytes")
    name("path", Member("../../etc/passwd.npy", npy()), "../../etc/passwd")
    reader("op_missing.npz", archive(sound()[1:]), "op is missing")
    reader("op_is_a_number.npz", archive(sound(op=npy("<i8", "()", bytes(8)))), "op", "not a string")
    reader("op_is_a_list.npz", archive(sound(op=npy("<U2", "(2,)", "abcd".encode("utf-32-le")))), "op", "0-d")
    reader("op_with_newline.npz", archive(sound(op=text("affine\nscan"))), "op", "affine\\x0ascan")
    reader("op_not_unicode.npz", archive(sound(op=npy("<U1", "()", struct.pack("<I", 0x110000)))), "op", "0x110000")
    reader("op_lone_surrogate.npz", archive(sound(op=npy("<U1", "()", struct.pack("<I", 0xD800)))), "op", "0xd800")
    reader("op_bytes_not_utf8.npz", archive(sound(op=npy("|S2", "()", b"\xff\xfe"))), "op", "not UTF-8")
    reader("option_is_an_array.npz", archive(sound(opt_x=npy("<i8", "(2,)", bytes(16)))), "opt.x", "0-d")
    reader("option_is_complex.npz", archive(sound(opt_x=npy("<c8", "()", bytes(8)))), "opt.x", "complex")
    reader("option_bool_is_7.npz", archive(sound(opt_x=npy("|b1", "()", b"\7"))), "opt.x", "bool", "7")
    reader("option_above_63_bits.npz", archive(sound(opt_x=npy("<u8", "()", b"\xff" * 8))), "opt.x",
           "18446744073709551615")


def safetensors_files():
    def case(name, data, *words):
        reader(f"{name}.safetensors", data, *words)

    good = sound_safetensors()
    case("truncated_length", good[:7], "wrong magic")
    case("truncated_header", good[:60], "header claims")
    case("truncated_data", good[:-5], "data_offsets")
    case("header_of_an_exabyte", safetensors(b'{"a":1}', length=1 << 60), "header claims 1152921504606846976")
    case("header_of_all_ones", safetensors(b'{"a":1}', length=(1 << 64) - 1), "header claims")
    case("header_of_no_bytes", safetensors(b'{"a":1}', length=0), "not valid JSON")
    case("header_not_json", safetensors(b"{'op': 1}", floats(4)), "not valid JSON")
    case("header_cut_in_json", safetensors(b'{"__metadata__":{"op":"affine_scan"'), "not valid JSON")
    case("header_two_objects", safetensors(b"{}{}"), "not valid JSON")
    case("header_not_utf8", safetensors(b'{"__metadata__":{"op":"\xff\xff"}}'), "not valid JSON")
    case("header_nests_deeply", safetensors(b'{"in.a":' + b"[" * 100_000), "in.a", "out of place")
    case("metadata_nests_deeply", safetensors(b'{"__metadata__":{"op":' + b'{"a":' * 100_000), "out of place")
    case("metadata_not_strings", sound_safetensors(__metadata__={"op": 3}), "out of place")
    case("metadata_missing", sound_safetensors(__metadata__=None), "op is missing")
    case("metadata_unknown_key", sound_safetensors(__metadata__={**META, "author": "x"}), "author")
    case("metadata_holds_a_tensor_name", sound_safetensors(__metadata__={**META, "in.x": "1"}), "in.x")
    case("op_is_a_tensor", sound_safetensors(in_a=None, op=tensor(0, 24)), "op")
    case("option_is_a_tensor", sound_safetensors(in_a=None, opt_x=tensor(0, 24)), "opt.x", "__metadata__")
    case("unknown_name", sound_safetensors(in_a=None, **{"model.layer": tensor(0, 24)}), "model.layer")
    raw = json.dumps(sound_header()).encode()
    case("duplicate_tensor", safetensors(raw[:-1] + b', "in.a": ' + json.dumps(tensor(0, 24)).encode() + b"}",
                                         floats(18)), "in.a", "twice")
    case("duplicate_metadata", safetensors(raw.replace(b'"op": "affine_scan"', b'"op": "x", "op": "affine_scan"'),
                                           floats(18)), "op", "twice")
    case("duplicate_dtype", safetensors(raw.replace(b'"dtype": "F32"', b'"dtype": "F32", "dtype": "F64"', 1),
                                        floats(18)), "in.a", "'dtype' is there twice")
    case("duplicate_by_escape", safetensors(raw[:-1] + b', "\\u0069n.a": {}}', floats(18)), "in.a", "twice")
    case("unknown_dtype", sound_safetensors(in_a=tensor(dtype="F8_E4M3")), "in.a", "F8_E4M3")
    case("dtype_missing", sound_safetensors(in_a={"shape": [2, 3], "data_offsets": [0, 24]}), "in.a", "missing")
    case("unknown_key", sound_safetensors(in_a={**tensor(), "stride": [1]}), "in.a", "stride")
    case("offsets_overlap", sound_safetensors(in_b=tensor(20, 44)), "overlap")
    case("offsets_equal", sound_safetensors(in_b=tensor(0, 24)), "overlap")
    case("offsets_leave_a_hole", safetensors(sound_header(in_b=tensor(32, 56), out_h=tensor(56, 80)), floats(20)),
         "in.b", "unused bytes")
    case("bytes_after_the_last_tensor", safetensors(sound_header(), floats(19)), "unused bytes")
    case("offsets_reversed", sound_safetensors(in_a=tensor(24, 0)), "in.a", "data_offsets")
    case("offsets_outside", sound_safetensors(out_h=tensor(48, 1 << 40)), "out.h", "data_offsets")
    case("offsets_beyond_64_bits", sound_safetensors(out_h=tensor(48, 1 << 70)), "out.h", "not an integer")
    case("offsets_negative", sound_safetensors(in_a=tensor(-24, 0)), "in.a", "negative")
    case("offsets_float", sound_safetensors(in_a=tensor(0.0, 24)), "in.a", "not an integer")
    case("offsets_are_three", sound_safetensors(in_a={**tensor(), "data_offsets": [0, 12, 24]}), "in.a", "two numbers")
    case("offsets_too_small_for_shape", sound_safetensors(in_a=tensor(0, 24, shape=(2, 4))), "in.a", "takes 32 bytes")
    case("shape_overflows", sound_safetensors(in_a=tensor(shape=(1 << 32, 1 << 32))), "in.a", "63 bits")
    case("shape_overflows_to_the_right_size", sound_safetensors(in_a=tensor(shape=(2, 3, (1 << 62) + 1))), "in.a",
         "63 bits")
    case("shape_above_63_bits", sound_safetensors(in_a=tensor(shape=(1 << 63, 3))), "in.a", "63 bits")
    case("shape_negative", sound_safetensors(in_a=tensor(shape=(-2, -3))), "in.a", "negative")
    case("shape_float", sound_safetensors(in_a=tensor(shape=(2.0, 3))), "in.a", "2.0", "not an integer")
    case("shape_nan", sound_safetensors(in_a=tensor(shape=(float("nan"), 3))), "not valid JSON")
    case("shape_of_strings", sound_safetensors(in_a=tensor(shape=("2", "3"))), "in.a", "out of place")
    case("shape_of_40_dimensions", sound_safetensors(in_a=tensor(shape=(1,) * 40)), "in.a", "more than 32 dimensions")
    case("empty_with_a_huge_dimension", sound_safetensors(in_x=tensor(0, 0, shape=(0, 1 << 50))), "in.x", "is empty")
    case("name_with_newline", sound_safetensors(**{"in_x\ny": tensor(0, 0, shape=(0,))}), "in.x\\x0ay", "control")
    case("name_of_60000_bytes", sound_safetensors(**{"in_" + "x" * 60_000: tensor()}), "longer than 255 bytes")
    case("op_with_newline", sound_safetensors(__metadata__={"op": "affine\nscan"}), "op", "control characters")


# --- sound containers whose contents make no sense ---------------------------------------------------------------

def contents():
    def both(name, words, npz, header, data=None):
        check(f"content_{name}.npz", archive(npz), *words)
        check(f"content_{name}.safetensors", safetensors(header, floats(18) if data is None else data), *words)

    both("unknown_op", ["affine_scam"], sound(op=text("affine_scam")), sound_header(__metadata__={"op": "affine_scam"}))
    both("empty_op", ["op"], sound(op=npy("<U1", "()", bytes(4))), sound_header(__metadata__={"op": ""}))
    both("unknown_input", ["in.decay"], sound(in_decay=npy()), sound_header(in_decay=tensor(72, 96)), floats(24))
    both("unknown_output", ["out.hh"], sound(out_hh=npy()), sound_header(out_hh=tensor(72, 96)), floats(24))
    both("unknown_option", ["opt.chunk"], sound(opt_chunk=npy("<i8", "()", bytes(8))),
         sound_header(__metadata__={**META, "opt.chunk": "64"}))
    both("missing_input", ["in.b"], sound(in_b=None), sound_header(in_b=None, out_h=tensor(24, 48)), floats(12))
    both("integer_tensor", ["in.a", "int32"], sound(in_a=npy("<i4")), sound_header(in_a=tensor(dtype="I32")))
    both("bool_tensor", ["in.a", "bool"], sound(in_a=npy("|b1", data=bytes(6))),
         sound_header(in_a=tensor(66, 72, "BOOL"), in_b=tensor(0, 24), out_h=tensor(24, 48), out_h_last=tensor(
             48, 66, "F16", (3, 3))))
    both("complex_tensor", ["in.b", "complex64"], sound(in_b=npy("<c8", data=floats(12))),
         sound_header(in_b=tensor(24, 72, "C64"), out_h=tensor(72, 96)), floats(24))
    both("integer_output", ["out.h", "int32"], sound(out_h=npy("<i4")), sound_header(out_h=tensor(48, 72, "I32")))
    both("shapes_disagree_in_N", ["in.b"], sound(in_b=npy(shape="(2, 4)", data=floats(8))),
         sound_header(in_b=tensor(24, 56, shape=(2, 4)), out_h=tensor(56, 80)), floats(20))
    both("shapes_disagree_in_L", ["out.h"], sound(out_h=npy(shape="(3, 3)", data=floats(9))),
         sound_header(out_h=tensor(48, 84, shape=(3, 3))), floats(21))
    both("initial_state_of_wrong_length", ["in.h0"], sound(in_h0=npy(shape="(4,)", data=floats(4))),
         sound_header(in_h0=tensor(72, 88, shape=(4,))), floats(22))
    both("wrong_rank", ["in.a"], sound(in_a=npy(shape="(6,)")), sound_header(in_a=tensor(shape=(6,))))
    both("scalar_tensor", ["in.a"], sound(in_a=npy(shape="()", data=floats(1))),
         sound_header(in_a=tensor(0, 4, shape=()), in_b=tensor(4, 28), out_h=tensor(28, 52)), floats(13))
    both("no_output", ["out."], sound(out_h=None), sound_header(out_h=None), floats(12))
    both("nothing_but_op", ["affine_scan"], [OP], {"__metadata__": META}, b"")


def write_all(folder):
    for fill in (containers, zip_directory, sizes, npy_headers, names_and_strings, safetensors_files, contents):
        fill()
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for who, cases in (("reader", READER), ("check", CHECK)):
        for name, (data, words) in cases.items():
            (folder / name).write_bytes(data)
            lines.append(f"{name}\t{who}\t{' | '.join(words)}\n")
    (folder / "expected.tsv").write_text("".join(lines))


def faults_of(tool, path, words):
    """What is wrong with the tool's answer to the file."""
    result = subprocess.run([tool, "dump", str(path)], capture_output=True, timeout=TIME_LIMIT, check=False)
    message = result.stderr.decode(errors="replace")
    faults = [f"lacks '{word}'" for word in (path.name, *words) if word not in message]
    if result.returncode != 2:
        faults.append(f"exit code {result.returncode}")
    if message.count("\n") != 1 or not message.endswith("\n"):
        faults.append("not one line on stderr")
    if result.stdout:
        faults.append("something on stdout")
    return [f"{path.name}: {fault}; stderr: {message[:2000]!r}" for fault in faults]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--tool", help="the case_tool to run over the files")
    arguments = parser.parse_args()
    write_all(arguments.folder)
    print(f"wrote {len(READER)} malformed files and {len(CHECK)} with senseless contents to {arguments.folder}")
    if not arguments.tool:
        return 0
    # The controls: the same builders, without a fault, must be read; and so must all that only `check` can judge.
    (arguments.folder / "sound.npz").write_bytes(archive(sound()))
    (arguments.folder / "sound.safetensors").write_bytes(sound_safetensors())
    faults = []
    for name in ("sound.npz", "sound.safetensors", *CHECK):
        result = subprocess.run([arguments.tool, "dump", str(arguments.folder / name)], capture_output=True, check=False)
        if result.returncode != 0:
            faults.append(f"{name}: must be read; stderr: {result.stderr!r}")
    for name, (_, words) in READER.items():
        faults += faults_of(arguments.tool, arguments.folder / name, words)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    if peak > MEMORY_LIMIT:
        faults.append(f"{peak} bytes of memory were used, more than {MEMORY_LIMIT}")
    print("\n".join(faults) or f"all refused as expected; peak memory {peak >> 20} MiB")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
