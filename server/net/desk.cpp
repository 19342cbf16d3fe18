#include "server/net/desk.hpp"

namespace fanlight::server::net {

void DeskReading::add(const DeskReading& other) {
  for (const auto& [status, count] : other.answers) answers[status] += count;
  accepted += other.accepted;
  refused += other.refused;
  timeouts += other.timeouts;
  malformed += other.malformed;
  disconnects += other.disconnects;
  accept_errors += other.accept_errors;
  exceptions += other.exceptions;
  connections += other.connections;
}

}  // namespace fanlight::server::net
