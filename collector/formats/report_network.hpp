// TCP in the report. In: a profile. Out: its sections, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "collector/profile/profile.hpp"

namespace fanlight::formats {

/// Connections, handshakes, retransmits and resets in numbers; how long writes took; then the clients that are slow, or
/// the fullest queues when none is. Empty: nothing is known of TCP.
std::string network_section(const profile::Profile& profile);
/// {"connections":[{}],"slow_after_ns":}; what is counted is among the report's metrics.
boost::json::object network_json(const profile::Profile& profile);

/// Those whose queue did not drain at some reading in the range, longest first.
std::vector<const kernel::ConnectionReading*> slow_clients(const profile::Profile& profile);

}  // namespace fanlight::formats
