#!/usr/bin/env bash
# Builds and runs the CUDA tests of the affine family and its benchmark with nvcc alone, for a machine with a GPU.
#   bench/cuda_on_device.sh RESULTS_FOLDER [stage ...]
# Stages: smoke test sanitize large dump bench quick sweep profile.
# EXACTSCAN_CUDA_BINARIES=FOLDER: uses the programs there instead of building; `build` as the only stage
# leaves them in RESULTS_FOLDER.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=${1:?folder for results}; shift
stages=${*:-test sanitize large dump bench}
work=$(mktemp -d)
build() {
  local flags="-std=c++20 -O3 -arch=sm_90 -I. -lineinfo -diag-suppress 177 -split-compile 2" pids=() f
  for f in tests/cuda/forward_test.cu cuda/*.cu cuda/s4/*.cu tests/cuda/*.cu bench/cuda_affine_scan.cu; do
    case $f in tests/*) case $(basename "$f") in
      cuda_test.cu | forward_test.cu | backward_test.cu | arguments_test.cu | determinism_test.cu | large_test.cu | dumps.cu | s4_test.cu) ;;
      *) continue ;;  # programs of other systems
    esac ;; esac
    [ -e "$work/$(tr / _ <<<"${f%.cu}").log" ] && continue
    nvcc $flags -c "$f" -o "$work/$(tr / _ <<<"${f%.cu}").o" >"$work/$(tr / _ <<<"${f%.cu}").log" 2>&1 & pids+=($!)
    while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-16}" ]; do sleep 0.2; done
  done
  for f in "${pids[@]}"; do wait "$f" || { cat "$work"/*.log; return 1; }; done
  local scan=() test=()
  for f in "$work"/cuda_*.o; do [ "$f" = "$work/cuda_s4_s4.o" ] || scan+=("$f"); done
  for f in "$work"/tests_*.o; do [ "$f" = "$work/tests_cuda_s4_test.o" ] || test+=("$f"); done
  nvcc -arch=sm_90 "${scan[@]}" "${test[@]}" -o "$work/cuda_test" &&
    nvcc -arch=sm_90 "${scan[@]}" "$work"/bench_*.o -o "$work/cuda_bench" &&
    nvcc -arch=sm_90 "${scan[@]}" "$work/cuda_s4_s4.o" "$work/tests_cuda_s4_test.o" -lcublas -o "$work/s4_test"
}
sanitize() {  # side by side: each is mostly one processor's work
  local tool program extent
  for program in cuda_test s4_test; do
    for tool in memcheck racecheck initcheck synccheck; do
      extent=--small; [ "$program $tool" = "cuda_test racecheck" ] && extent=--tiny
      { timeout "${SANITIZE_SECONDS:-200}" compute-sanitizer --tool "$tool" $([ $tool = synccheck ] && echo --num-cuda-barriers 16384) \
          --error-exitcode 9 "$work/$program" $extent >"$work/$tool-$program.txt" 2>&1
        echo "exit code $?" >>"$work/$tool-$program.txt"; } &
    done
  done
  wait
  for program in cuda_test s4_test; do
    for tool in memcheck racecheck initcheck synccheck; do
      echo "-- compute-sanitizer --tool $tool $program"
      tail -n "${SANITIZE_LINES:-4}" "$work/$tool-$program.txt"
      grep -q '^exit code 0' "$work/$tool-$program.txt" || code=1
    done
  done
  (cd "$work" && tar -czf sanitize.tar.gz ./*check-*.txt) && cp "$work/sanitize.tar.gz" "$out"
}
SECONDS=0
if [ -n "${EXACTSCAN_CUDA_BINARIES:-}" ] && "$EXACTSCAN_CUDA_BINARIES/cuda_test" --version-check >/dev/null 2>&1; [ $? = 2 ]; then
  cp "$EXACTSCAN_CUDA_BINARIES"/{cuda_test,cuda_bench,s4_test} "$work"
else
  build || { echo "build failed"; exit 1; }
fi
echo "== built in $SECONDS s"
if [ "$stages" = build ]; then cp "$work"/{cuda_test,cuda_bench,s4_test} "$out"; exit 0; fi
nvidia-smi --query-gpu=name,driver_version,clocks.max.sm --format=csv,noheader
code=0
for stage in $stages; do
  echo "== $stage (at $SECONDS s)"
  case $stage in
    test) for t in cuda_test s4_test; do timeout 170 "$work/$t" || code=1; done ;;
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
