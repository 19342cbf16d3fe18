// Which connections are worth a row. In: all of a slice. Out: those that somebody may ask about.
#pragma once

#include <cstddef>
#include <vector>

#include "collector/kernel/reading.hpp"

namespace fanlight::session {

/// Of thousands of connections a slice keeps so many.
inline constexpr std::size_t kMostConnections = 48;

/// Those whose peer reads too slowly, longest first; then those with the fullest queues, with retransmits, and with the
/// most traffic. Cost: O(n log n).
std::vector<kernel::ConnectionReading> standing_out(std::vector<kernel::ConnectionReading> connections,
                                                    std::size_t most = kMostConnections);

}  // namespace fanlight::session
