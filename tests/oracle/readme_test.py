"""The example in README.md is the one that the test compiles; README stays within 150 lines."""
import pathlib
import sys

root = pathlib.Path(sys.argv[1])
readme = (root / "README.md").read_text()
source = (root / "tests/oracle/readme_example_test.cpp").read_text()

shown = readme.split("<!-- example -->")[1].strip().removeprefix("```cpp").removesuffix("```").strip()
compiled = source.split("  // example\n")[1].strip()
if shown != compiled:
    sys.exit("README.md's example differs from tests/oracle/readme_example_test.cpp")
if len(readme.splitlines()) > 150:
    sys.exit("README.md has more than 150 lines")
for command in ("./run demo", "./run test"):
    if command not in readme:
        sys.exit(f"README.md does not name {command}")
