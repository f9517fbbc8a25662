#!/usr/bin/env bash
# Builds and runs the CUDA tests and benchmark with nvcc alone, for a machine with a GPU and nothing else.
#   bench/cuda_on_device.sh RESULTS_FOLDER [stage ...]
# Stages: smoke test sanitize large dump bench quick sweep profile.
# EXACTSCAN_CUDA_BINARIES=FOLDER: uses cuda_test and cuda_bench there instead of building; `build` as the only stage
# leaves them in RESULTS_FOLDER.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=${1:?folder for results}; shift
stages=${*:-test sanitize large dump bench}
work=$(mktemp -d)
build() {
  local flags="-std=c++20 -O3 -arch=sm_90 -I. -lineinfo -diag-suppress 177 -split-compile 4" pids=() f
  for f in cuda/*.cu tests/cuda/*.cu bench/cuda_affine_scan.cu; do
    case $f in */s5_test.cu | */selective_test.cu | */ssd_test.cu) continue ;; esac  # programs of their own
    nvcc $flags -c "$f" -o "$work/$(tr / _ <<<"${f%.cu}").o" & pids+=($!)
    while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-16}" ]; do sleep 0.2; done
  done
  for f in "${pids[@]}"; do wait "$f" || return 1; done
  nvcc -arch=sm_90 "$work"/cuda_*.o "$work"/tests_*.o -o "$work/cuda_test" &&
    nvcc -arch=sm_90 "$work"/cuda_*.o "$work"/bench_*.o -o "$work/cuda_bench"
}
sanitize() {
  local tool extent
  for tool in memcheck racecheck initcheck synccheck; do
    echo "-- compute-sanitizer --tool $tool (at $SECONDS s)"
    extent=--small; [ "$tool" = racecheck ] && extent=--tiny
    timeout "${SANITIZE_SECONDS:-150}" compute-sanitizer --tool "$tool" --error-exitcode 9 "$work/cuda_test" $extent \
      >"$out/$tool.txt" 2>&1 || code=1
    tail -n "${SANITIZE_LINES:-6}" "$out/$tool.txt"
    head -c 2000000 "$out/$tool.txt" >"$out/cut" && mv "$out/cut" "$out/$tool.txt"
  done
}
SECONDS=0
if [ -n "${EXACTSCAN_CUDA_BINARIES:-}" ] && "$EXACTSCAN_CUDA_BINARIES/cuda_test" --version-check >/dev/null 2>&1; [ $? = 2 ]; then
  cp "$EXACTSCAN_CUDA_BINARIES"/cuda_{test,bench} "$work"
else
  build || { echo "build failed"; exit 1; }
fi
echo "== built in $SECONDS s"
if [ "$stages" = build ]; then cp "$work"/cuda_{test,bench} "$out"; exit 0; fi
nvidia-smi --query-gpu=name,driver_version,clocks.max.sm --format=csv,noheader
code=0
for stage in $stages; do
  echo "== $stage (at $SECONDS s)"
  case $stage in
    test) timeout 170 "$work/cuda_test" || code=1 ;;
    smoke) timeout 60 "$work/cuda_test" --small || { echo "smoke failed"; exit 1; } ;;
    sanitize) sanitize ;;
    large) timeout 120 "$work/cuda_test" --large || code=1 ;;
    dump)
      mkdir -p "$work/dumps" && timeout 60 "$work/cuda_test" --dump "$work/dumps" &&
        tar -C "$work" -czf "$out/dumps.tar.gz" dumps || code=1 ;;
    bench) timeout 200 "$work/cuda_bench" 2>&1 | tee "$out/bench.txt" || code=1 ;;
    quick) timeout 100 "$work/cuda_bench" --quick 2>&1 | tee "$out/quick.txt" || code=1 ;;
    sweep) timeout 100 "$work/cuda_bench" --quick --sweep --no-errors 2>&1 | tee "$out/sweep.txt" || code=1 ;;
    profile)
      for only in ${PROFILE_CASES:-one-row}; do
        echo "-- ncu ${only//-/ }"
        timeout 60 ncu --clock-control none --set full --launch-skip 2 --launch-count 1 -k 'regex:scan_' \
          "$work/cuda_bench" --no-errors --quick --only "${only//-/ }" >"$out/ncu-$only.txt" 2>&1 || code=1
        grep -E "Duration|Throughput|Stall|Issue Slots|No Eligible|Bank|L2 Hit|Registers|Occupancy" "$out/ncu-$only.txt" | head -40
      done ;;
    *) echo "unknown stage $stage"; code=2 ;;
  esac
done
echo "== finished at $SECONDS s, code $code"
exit $code
