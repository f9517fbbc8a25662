"""malformed_test.py MAKER FOLDER: `exactscan check` over every malformed file that MAKER writes into FOLDER ends in exit
code 2 with one sentence on stderr that names the file and the fault, and as JSON with that sentence as the reason."""
import json
import os
import pathlib
import subprocess
import sys

program = os.environ["EXACTSCAN"]
maker, folder = sys.argv[1], pathlib.Path(sys.argv[2])
subprocess.run([sys.executable, maker, str(folder)], check=True)

faults = []
rows = [line.split("\t") for line in (folder / "expected.tsv").read_text().splitlines()]
for name, _, words in rows:
    path = folder / name
    done = subprocess.run([program, "check", str(path), "--format", "json"], capture_output=True, timeout=60)
    message = done.stderr.decode(errors="replace")
    if done.returncode != 2:
        faults.append(f"{name}: exit code {done.returncode}: {message!r}")
        continue
    if message.count("\n") != 1:
        faults.append(f"{name}: not one line on stderr: {message!r}")
    for word in (name, *words.split(" | ")):
        if word not in message:
            faults.append(f"{name}: stderr lacks {word!r}: {message!r}")
    [case] = json.loads(done.stdout)["cases"]
    if case["verdict"] != "invalid" or case["reason"] not in message:
        faults.append(f"{name}: the report says {case['verdict']!r}, {case['reason']!r}; stderr {message!r}")
print("\n".join(faults))
print(f"{len(rows)} malformed files, {len(faults)} faults")
sys.exit(1 if faults or len(rows) < 30 else 0)
