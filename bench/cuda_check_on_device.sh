#!/usr/bin/env bash
# Builds the certified check with nvcc alone, for a machine with a GPU and nothing else, and runs its test,
# its benchmark and the sanitizers.
#   bench/cuda_check_on_device.sh RESULTS_FOLDER [stage ...]     stages: test bench sanitize profile
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=${1:?folder for results}; shift
stages=${*:-test bench sanitize}
work=$(mktemp -d) code=0
flags="-std=c++20 -O3 -arch=sm_90 -I. --expt-relaxed-constexpr -diag-suppress 177 -lineinfo"
for f in cuda/selective/forward oracle/cuda/check_selective bench/cuda_check tests/cuda/check_device_test; do
  nvcc $flags -c "$f.cu" -o "$work/$(basename "$f").o" &
done
wait
nvcc -arch=sm_90 "$work"/{cuda_check,forward,check_selective}.o -o "$work/bench" &&
  nvcc -arch=sm_90 "$work"/{check_device_test,check_selective}.o -o "$work/test" || { echo "build failed"; exit 1; }
for stage in $stages; do
  echo "== $stage (at $SECONDS s)"
  case $stage in
    test) timeout 120 "$work/test" | tail -n 20 || code=1 ;;
    bench) timeout 120 "$work/bench" | tee "$out/bench.txt" || code=1 ;;
    sanitize)
      for tool in memcheck racecheck initcheck synccheck; do
        timeout 120 compute-sanitizer --tool $tool --error-exitcode 9 "$work/test" --small >"$out/$tool.txt" 2>&1 || code=1
        echo "-- $tool"; tail -n 2 "$out/$tool.txt"
      done ;;
    profile)
      timeout 60 ncu --clock-control none --set full --launch-skip 2 --launch-count 1 -k regex:screen_kernel \
        "$work/bench" short >"$out/ncu.txt" 2>&1 || code=1 ;;
    *) echo "unknown stage $stage"; code=2 ;;
  esac
done
exit $code
