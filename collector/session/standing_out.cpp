#include "collector/session/standing_out.hpp"

#include <algorithm>
#include <tuple>

#include "collector/kernel/slow.hpp"

namespace fanlight::session {

std::vector<kernel::ConnectionReading> standing_out(std::vector<kernel::ConnectionReading> connections,
                                                    std::size_t most) {
  if (connections.size() <= most) return connections;
  const auto order = [](const kernel::ConnectionReading& one) {
    return std::tuple(kernel::is_slow(one), one.peer_limited_ns, one.queued_bytes, one.retransmits,
                      one.acknowledged_bytes);
  };
  std::ranges::partial_sort(connections, connections.begin() + static_cast<std::ptrdiff_t>(most), std::greater(),
                            order);
  connections.resize(most);
  return connections;
}

}  // namespace fanlight::session
