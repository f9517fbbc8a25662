// The work of one thread in a scan: a rectangle of time steps and channels. Private to impl/.
#pragma once

#include "impl/diagonal_scan.hpp"

namespace exactscan::impl {

template <class T>
struct ScanJob {
  ScanShape shape;
  View<const T> a, b, x;        // without x, b is the summand; with x, b x is
  State<T>* state = nullptr;    // [channels]: before the first step, then after the last
  State<T>* product = nullptr;  // [channels], or null: multiplied by all a of its channel
  View<T> h;                    // without data: states are not written
  bool stream = false;          // h is too large to stay in a cache: write around it
};

// Runs a job with the best instructions that the processor has.
void run(const ScanJob<float>& job);
void run(const ScanJob<double>& job);
void run(const ScanJob<Float16>& job);
void run(const ScanJob<BFloat16>& job);

}  // namespace exactscan::impl
