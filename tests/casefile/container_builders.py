"""Builders of .npz and .safetensors files, byte by byte, in which any field can be made to lie."""
import json
import struct
import zlib


def npy_header(dictionary, version=1, length=None):
    text = dictionary.encode("latin1") + b"\n"
    size = struct.pack("<H" if version == 1 else "<I", len(text) if length is None else length)
    return b"\x93NUMPY" + bytes([version, 0]) + size + text


def npy(descr="<f4", shape="(2, 3)", data=None, fortran="False", **options):
    dictionary = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}"
    return npy_header(dictionary, **options) + (floats(6) if data is None else data)


def floats(count, value=0.5):
    return struct.pack("<f", value) * count


def text(value, descr=None):
    return npy(descr or f"<U{len(value)}", "()", value.encode("utf-32-le"))


# --- zip, by hand: zipfile writes no wrong archives --------------------------------------------------------------

class Member:
    """A member of an archive; what the two headers say can be set apart from what is true."""

    def __init__(self, name, data, deflate=False, **lies):
        raw = name if isinstance(name, bytes) else name.encode()
        if deflate:
            packer = zlib.compressobj(9, zlib.DEFLATED, -15)
            self.packed = packer.compress(data) + packer.flush()
        else:
            self.packed = data
        truth = dict(version=20, flags=0, method=8 if deflate else 0, crc=zlib.crc32(data), compressed=len(self.packed),
                     size=len(data), name=raw, extra=b"", disk=0, offset=None)
        self.local = {**truth, **{k: v for k, v in lies.items() if k in truth},
                      **{k[6:]: v for k, v in lies.items() if k.startswith("local_")}}
        self.central = {**truth, **{k: v for k, v in lies.items() if k in truth},
                        **{k[8:]: v for k, v in lies.items() if k.startswith("central_")}}


def archive(members, comment=b"", **end_lies):
    body, directory = b"", b""
    for member in members:
        offset = len(body)
        h = member.local
        body += struct.pack("<IHHHHHIIIHH", 0x04034B50, h["version"], h["flags"], h["method"], 0, 0x21, h["crc"],
                            h["compressed"], h["size"], len(h["name"]), len(h["extra"]))
        body += h["name"] + h["extra"] + member.packed
        h = member.central
        directory += struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, h["version"], h["flags"], h["method"], 0, 0x21,
                                 h["crc"], h["compressed"], h["size"], len(h["name"]), len(h["extra"]), 0, h["disk"], 0,
                                 0, offset if h["offset"] is None else h["offset"])
        directory += h["name"] + h["extra"]
    end = dict(disk=0, start_disk=0, here=len(members), total=len(members), size=len(directory), offset=len(body),
               comment=len(comment))
    end.update(end_lies)
    return body + directory + struct.pack("<IHHHHIIH", 0x06054B50, end["disk"], end["start_disk"], end["here"],
                                          end["total"], end["size"], end["offset"], end["comment"]) + comment


OP = Member("op.npy", text("affine_scan"))


def sound(**replaced):
    """The members of a valid affine_scan case (L = 2, N = 3); `replaced` by name, with _ for the dot; None: left out."""
    members = {"op": OP, **{n: Member(n + ".npy", npy()) for n in ("in.a", "in.b", "out.h")}}
    for name, value in replaced.items():
        name = name.replace("_", ".", 1)
        if value is None:
            del members[name]
        else:
            members[name] = value if isinstance(value, Member) else Member(name + ".npy", value)
    return list(members.values())


def with_a(data, **lies):
    return archive(sound(in_a=Member("in.a.npy", data, **lies)))


# --- .safetensors ------------------------------------------------------------------------------------------------

def safetensors(header, data=b"", length=None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def tensor(begin=0, end=24, dtype="F32", shape=(2, 3)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


META = {"op": "affine_scan"}


def sound_header(**replaced):
    header = {"__metadata__": META, "in.a": tensor(0, 24), "in.b": tensor(24, 48), "out.h": tensor(48, 72)}
    for name, value in replaced.items():
        header[name if name.startswith("__") else name.replace("_", ".", 1)] = value
    return {k: v for k, v in header.items() if v is not None}


def sound_safetensors(**replaced):
    return safetensors(sound_header(**replaced), floats(18))


# --- what a reader must refuse -----------------------------------------------------------------------------------
