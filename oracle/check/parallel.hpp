// A loop over independent units of work on several threads.
#pragma once

#include <cstdint>
#include <functional>

namespace exactscan {

// Calls body(i) for i in [0, count), on `threads` threads (0: as many as the machine has), in no order.
// The first exception of a body is rethrown after all have ended.
void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t)>& body);

}  // namespace exactscan
