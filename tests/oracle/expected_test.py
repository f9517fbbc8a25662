"""expected_test.py PROGRAM FOLDER: every file of FOLDER gets the verdicts that FOLDER/expected.tsv asks for.

Lines: file, contract ("-" for the default), tensor=verdict[,…] ("*" for the whole case). Files whose operation the
program does not list are counted and named, not judged; a file that cannot be read is judged, as invalid. Exits with
77 (skipped) where there is no such folder."""
import json
import pathlib
import subprocess
import sys

program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
if not (folder / "expected.tsv").is_file():
    print(f"skipped: no expected.tsv in {folder}")
    sys.exit(77)

known = subprocess.run([program, "describe"], capture_output=True, text=True, check=True).stdout
failed = checked = 0
beyond = []
for line in (folder / "expected.tsv").read_text().splitlines():
    if not line.strip() or line.startswith("#"):
        continue
    name, contract, wanted = line.split("\t")
    command = [program, "check", str(folder / name), "--format", "json"]
    if contract != "-":
        command += ["--contract", contract]
    done = subprocess.run(command, capture_output=True, text=True)
    case = json.loads(done.stdout)["cases"][0] if done.stdout else {"op": "?", "verdict": done.stderr, "tensors": []}
    if case["op"] and case["op"] not in known.split():
        beyond.append(f"{name} ({case['op'] or 'contract ' + contract})")
        continue
    checked += 1
    got = {t["name"]: t["verdict"] for t in case["tensors"]}
    for part in wanted.split(","):
        tensor, verdict = part.split("=")
        actual = case["verdict"] if tensor == "*" else got.get(tensor, "missing")
        if actual != verdict:
            failed += 1
            print(f"{name} [{contract}]: {tensor} is {actual}, expected {verdict}; {case.get('reason', '')}")

print(f"{checked} lines checked, {failed} verdicts wrong; {len(beyond)} lines of operations that are not built")
for entry in beyond:
    print("  not judged:", entry)
if checked == 0:
    sys.exit("no line was checked")
sys.exit(1 if failed else 0)
