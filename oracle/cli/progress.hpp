// A progress bar for people who wait.
#pragma once

#include <chrono>
#include <cstdio>
#include <functional>
#include <string>

namespace exactscan::cli {

// Draws a bar on `stream`, if it is a terminal, once the work has lasted a second, and at most ten times a
// second. The destructor removes the bar. Nothing is ever written to a stream that is not a terminal.
class Progress {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;
  explicit Progress(std::FILE* stream = stderr);
  Progress(std::FILE* stream, bool terminal, Clock clock);  // for tests
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  // `share` of the work is done (0 … 1); `what` is being worked at.
  void show(double share, const std::string& what);
  // Removes the bar, so that another line can be written; the next `show` draws it anew.
  void clear();

 private:
  std::FILE* stream_;
  bool terminal_;
  Clock clock_;
  std::chrono::steady_clock::time_point start_, last_;
  bool drawn_ = false;
};

}  // namespace exactscan::cli
