// Requests in the order in which a scan meets them: column by column, then by row.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <tuple>
#include <vector>

#include "oracle/check/request.hpp"

namespace exactscan {

// Calls visit(column, indices) for each column among the requests; `indices` into the requests, by rising
// row.
template <class Visit>
void by_column(std::span<const Request> requests, Visit&& visit) {
  std::vector<std::size_t> order(requests.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) {
    return std::make_tuple(requests[i].column, requests[i].row, i) <
           std::make_tuple(requests[j].column, requests[j].row, j);
  });
  for (std::size_t from = 0; from < order.size();) {
    std::size_t to = from;
    while (to < order.size() && requests[order[to]].column == requests[order[from]].column) ++to;
    visit(requests[order[from]].column, std::span<const std::size_t>(order).subspan(from, to - from));
    from = to;
  }
}

}  // namespace exactscan
