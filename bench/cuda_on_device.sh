#!/usr/bin/env bash
# Builds and runs the CUDA tests and benchmark with nvcc alone, for a machine with a GPU and nothing else.
#   bench/cuda_on_device.sh RESULTS_FOLDER [stage ...]     stages: test sanitize large dump bench sweep
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=${1:?folder for results}; shift
stages=${*:-test sanitize large dump bench}
work=$(mktemp -d)
flags="-std=c++20 -O3 -arch=sm_90 -I."
build() {
  local pids=() f
  for f in cuda/affine_scan cuda/backward cuda/channels cuda/rows cuda/slabs tests/cuda/cuda_test bench/cuda_affine_scan; do
    nvcc $flags -lineinfo -diag-suppress 177 -c $f.cu -o "$work/$(basename $f).o" & pids+=($!)
  done
  for f in "${pids[@]}"; do wait "$f" || return 1; done
  local kernels="$work/backward.o $work/channels.o $work/rows.o $work/slabs.o"
  # The bench and the library both have an affine_scan.cu; their objects have different names.
  nvcc -arch=sm_90 $kernels "$work/affine_scan.o" "$work/cuda_test.o" -o "$work/cuda_test" &&
    nvcc -arch=sm_90 $kernels "$work/affine_scan.o" "$work/cuda_affine_scan.o" -o "$work/bench"
}
SECONDS=0
build || { echo "build failed"; exit 1; }
echo "== built in $SECONDS s"; nvidia-smi --query-gpu=name,driver_version,clocks.max.sm --format=csv,noheader
code=0
for stage in $stages; do
  echo "== $stage (at $SECONDS s)"
  case $stage in
    test) timeout 170 "$work/cuda_test" || code=1 ;;
    sanitize)
      for tool in memcheck racecheck initcheck synccheck; do
        echo "-- compute-sanitizer --tool $tool"
        timeout 150 compute-sanitizer --tool $tool --error-exitcode 9 "$work/cuda_test" --small 2>&1 | tail -n 12 || code=1
      done ;;
    large) timeout 120 "$work/cuda_test" --large || code=1 ;;
    dump)
      mkdir -p "$work/dumps" && timeout 60 "$work/cuda_test" --dump "$work/dumps" && tar -C "$work" -czf "$out/dumps.tar.gz" dumps || code=1 ;;
    bench) timeout 200 "$work/bench" 2>&1 | tee "$out/bench.txt" || code=1 ;;
    quick) timeout 100 "$work/bench" --quick 2>&1 | tee "$out/quick.txt" || code=1 ;;
    sweep) timeout 100 "$work/bench" --quick --sweep --no-errors 2>&1 | tee "$out/sweep.txt" || code=1 ;;
  esac
done
echo "== finished at $SECONDS s, code $code"
exit $code
