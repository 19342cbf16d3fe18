#include "load/nats_upgrade.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <string_view>
#include <system_error>
#include <vector>

#include <boost/json.hpp>

#include "load/nats.hpp"

namespace fanlight::load {
namespace {

constexpr std::size_t kMaxInfo = 64u << 10;

bool offers_tls(std::string_view info) {
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse(boost::json::string_view(info.data(), info.size()), error);
  if (error || !value.is_object()) return false;
  for (const char* name : {"tls_required", "tls_available"})
    if (const auto* member = value.get_object().if_contains(name); member != nullptr && *member == true) return true;
  return false;
}

}  // namespace

Upgrade take_nats_info(int socket, std::string& cause) {
  // Looked at first and taken once it is whole: what follows belongs to TLS.
  std::vector<char> buffer(kMaxInfo);
  const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_PEEK);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return Upgrade::more;
  if (got <= 0) {
    cause = got == 0 ? "closed by the server" : "receive: " + std::generic_category().message(errno);
    return Upgrade::failed;
  }
  const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
  std::string_view rest = bytes;
  NatsItem item;
  const Found found = next_nats(rest, item);
  if (found == Found::nothing && bytes.size() < kMaxInfo) return Upgrade::more;
  if (found != Found::item || item.kind != NatsKind::info) {
    cause = "malformed NATS line";
    return Upgrade::failed;
  }
  if (!offers_tls(item.text)) {
    cause = "the server offers no TLS";
    return Upgrade::failed;
  }
  [[maybe_unused]] const ssize_t taken = ::recv(socket, buffer.data(), bytes.size() - rest.size(), MSG_DONTWAIT);
  return Upgrade::ready;
}

}  // namespace fanlight::load
