#include "load/server_watch.hpp"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include "core/fd.hpp"

namespace fanlight::load {
namespace {

// Those that hold memory: established, both waits for the close, last ack, closing.
constexpr std::uint32_t kStates = 1u << TCP_ESTABLISHED | 1u << TCP_FIN_WAIT1 | 1u << TCP_FIN_WAIT2 |
                                  1u << TCP_CLOSE_WAIT | 1u << TCP_LAST_ACK | 1u << TCP_CLOSING;

struct Question {
  nlmsghdr head{};
  inet_diag_req_v2 body{};
};

void add_socket(const nlmsghdr& message, std::uint16_t port, SocketUsage& sum) {
  if (message.nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg))) return;
  inet_diag_msg socket{};
  std::memcpy(&socket, NLMSG_DATA(&message), sizeof socket);
  if (ntohs(socket.id.idiag_sport) != port) return;
  ++sum.sockets;
  if (socket.idiag_state == TCP_CLOSE_WAIT) ++sum.close_wait;
  auto left = static_cast<unsigned>(message.nlmsg_len - NLMSG_LENGTH(sizeof(inet_diag_msg)));
  const auto* attribute = reinterpret_cast<const rtattr*>(static_cast<const char*>(NLMSG_DATA(&message)) +
                                                          NLMSG_ALIGN(sizeof(inet_diag_msg)));
  for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    if (attribute->rta_type != INET_DIAG_SKMEMINFO) continue;
    std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
    std::memcpy(memory.data(), RTA_DATA(attribute), std::min<std::size_t>(RTA_PAYLOAD(attribute), sizeof memory));
    sum.receive_bytes += memory[SK_MEMINFO_RMEM_ALLOC];
    sum.send_bytes += memory[SK_MEMINFO_WMEM_QUEUED];
  }
}

Result<> dump(int netlink, std::uint8_t family, std::uint16_t port, SocketUsage& sum) {
  Question question;
  question.head.nlmsg_len = sizeof question;
  question.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  question.body.sdiag_family = family;
  question.body.sdiag_protocol = IPPROTO_TCP;
  question.body.idiag_ext = 1u << (INET_DIAG_SKMEMINFO - 1);
  question.body.idiag_states = kStates;
  question.body.id.idiag_sport = htons(port);
  if (::send(netlink, &question, sizeof question, 0) < 0) return fail(errno, "ask for sockets");
  std::vector<char> buffer(64u << 10);
  for (;;) {
    const ssize_t got = ::recv(netlink, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(errno, "sockets");
    auto left = static_cast<unsigned>(got);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type == NLMSG_DONE) return {};
      if (message->nlmsg_type == NLMSG_ERROR) return fail(EPROTO, "sockets");
      add_socket(*message, port, sum);
    }
  }
}

}  // namespace

Result<ServerUsage> usage_of(pid_t pid, const std::filesystem::path& root) {
  const std::filesystem::path directory = root / "proc" / std::to_string(pid);
  std::ifstream stat(directory / "stat");
  std::string line;
  if (!std::getline(stat, line))
    return fail(0, "process " + std::to_string(pid) + ": there is none", "see --server-pid");
  // The name may hold anything, parentheses too: what follows it begins after the last one.
  std::istringstream fields(line.substr(std::min(line.rfind(')') + 2, line.size())));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  std::uint64_t user = 0, system = 0;
  if (!(fields >> user >> system)) return fail(EPROTO, "read " + (directory / "stat").string());
  ServerUsage usage;
  usage.cpu_ns = (user + system) * (1'000'000'000u / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)));
  std::ifstream memory(directory / "statm");
  std::uint64_t total = 0, resident = 0;
  if (memory >> total >> resident) usage.rss_bytes = resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return usage;
}

Result<SocketUsage> sockets_on(std::uint16_t port) {
  Fd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!netlink) return fail(errno, "netlink");
  SocketUsage sum;
  for (const int family : {AF_INET, AF_INET6})
    if (auto dumped = dump(netlink.get(), static_cast<std::uint8_t>(family), port, sum); !dumped)
      return std::unexpected(std::move(dumped.error()));
  return sum;
}

std::optional<std::uint64_t> own_anonymous_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("RssAnon:")) continue;
    std::istringstream field(line.substr(8));
    std::uint64_t kilobytes = 0;
    if (field >> kilobytes) return kilobytes * 1024;
  }
  return std::nullopt;
}

}  // namespace fanlight::load
