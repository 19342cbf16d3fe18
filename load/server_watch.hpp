// The server as /proc and the kernel show it. In: a pid, a port. Out: CPU time, memory, sockets.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>

#include "core/error.hpp"

namespace fanlight::load {

struct ServerUsage {
  std::uint64_t cpu_ns = 0;     // user and kernel, all threads
  std::uint64_t rss_bytes = 0;  // resident
};

/// Errors: no such process. Source: proc(5), /proc/PID/stat and statm.
Result<ServerUsage> usage_of(pid_t pid, const std::filesystem::path& root = "/");

struct SocketUsage {
  std::uint64_t sockets = 0;
  std::uint64_t close_wait = 0;     // the client has gone, the server has not noticed
  std::uint64_t receive_bytes = 0;  // of kernel memory, overhead included
  std::uint64_t send_bytes = 0;

  void add(const SocketUsage& other) {
    sockets += other.sockets;
    close_wait += other.close_wait;
    receive_bytes += other.receive_bytes;
    send_bytes += other.send_bytes;
  }
  std::uint64_t bytes() const { return receive_bytes + send_bytes; }
};

/// TCP sockets whose local port is `port`, asked of the kernel in one dump. Errors: no netlink.
/// Source: sock_diag(7), INET_DIAG_SKMEMINFO.
Result<SocketUsage> sockets_on(std::uint16_t port);

/// Bytes of anonymous memory that this process has in use; nothing where /proc does not say.
std::optional<std::uint64_t> own_anonymous_bytes();

}  // namespace fanlight::load
