#include "oracle/check/parallel.hpp"

#include <mpfr.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <exception>
#include <mutex>
#include <thread>

namespace exactscan {

void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t)>& body) {
  const std::int64_t wanted =
      threads > 0 ? threads : static_cast<std::int64_t>(std::thread::hardware_concurrency());
  const auto workers =
      static_cast<std::size_t>(std::clamp<std::int64_t>(wanted, 1, std::max<std::int64_t>(count, 1)));
  if (workers == 1) {
    for (std::int64_t i = 0; i < count; ++i) body(i);
    return;
  }
  std::atomic<std::int64_t> next{0};
  std::exception_ptr failure;
  std::mutex mutex;
  boost::asio::thread_pool pool(workers);
  for (std::size_t w = 0; w < workers; ++w) {
    boost::asio::post(pool, [&] {
      try {
        for (std::int64_t i = next++; i < count; i = next++) body(i);
      } catch (...) {
        const std::scoped_lock lock(mutex);
        if (!failure) failure = std::current_exception();
      }
      // MPFR keeps memory for each thread, and the thread's end does not free it.
      mpfr_free_cache2(MPFR_FREE_LOCAL_CACHE);
    });
  }
  pool.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace exactscan
