#include "oracle/cli/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "oracle/report/write_report.hpp"

namespace exactscan::cli {
namespace {

using namespace std::chrono_literals;
constexpr int bar_width = 30;
constexpr std::size_t name_width = 36;  // the line stays below 80 columns, so that it never wraps

}  // namespace

Progress::Progress(std::FILE* stream)
    : Progress(stream, ::isatty(::fileno(stream)) != 0, [] { return std::chrono::steady_clock::now(); }) {}

Progress::Progress(std::FILE* stream, bool terminal, Clock clock)
    : stream_(stream), terminal_(terminal), clock_(std::move(clock)), start_(clock_()), last_(start_) {}

Progress::~Progress() { clear(); }

void Progress::show(double share, const std::string& what) {
  if (!terminal_) return;
  const auto now = clock_();
  if (now - start_ < 1s || (drawn_ && now - last_ < 100ms)) return;
  last_ = now;
  const double bounded = share >= 0 ? std::min(share, 1.0) : 0.0;  // NaN counts as nothing done
  const int filled = static_cast<int>(bounded * bar_width);
  std::string name = printable(what);
  if (name.size() > name_width) name = "..." + name.substr(name.size() - name_width + 3);
  clear();
  fmt::print(stream_, "[{:=<{}}{:{}}] {:3.0f}% {}", "", filled, "", bar_width - filled, bounded * 100, name);
  std::fflush(stream_);
  drawn_ = true;
}

void Progress::clear() {
  if (!drawn_) return;
  fmt::print(stream_, "\r\x1b[K");  // carriage return; erase to the end of the line
  std::fflush(stream_);
  drawn_ = false;
}

}  // namespace exactscan::cli
