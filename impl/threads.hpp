// Threads that live as long as one call. Private to impl/.
#pragma once

#include <algorithm>
#include <thread>
#include <vector>

namespace exactscan::impl {

// Runs body(0) … body(threads - 1), each in a thread of its own; the last one here.
template <class Body>
void in_threads(int threads, const Body& body) {
  std::vector<std::jthread> others;
  others.reserve(static_cast<std::size_t>(threads));
  for (int i = 0; i + 1 < threads; ++i) others.emplace_back([&body, i] { body(i); });
  body(threads - 1);
}

// As many as wanted (0: as the machine has), but one for each `grain` elements at most, and at least one.
inline int usable_threads(int wanted, std::int64_t elements, std::int64_t grain) {
  if (wanted == 0) wanted = static_cast<int>(std::max(std::thread::hardware_concurrency(), 1U));
  return static_cast<int>(std::clamp<std::int64_t>(elements / grain, 1, wanted));
}

}  // namespace exactscan::impl
