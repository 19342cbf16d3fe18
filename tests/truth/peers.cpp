// A server whose clients do known things: some connect and read, one never reads, some reset, some are refused. The
// clients are a process of their own. One JSON line at the end: how many of each.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

#include "tests/truth/gate.hpp"

namespace {

constexpr int kReaders = 8;    // connect, and read all they get
constexpr int kResetting = 3;  // connect, and reset
constexpr int kOutgoing = 5;   // connects of the target that are accepted
constexpr int kRefused = 4;    // connects of the target to where nobody listens
constexpr int kMessages = 4000;
constexpr std::size_t kBytes = 512;

int socket_of(bool blocking = true) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK), 0);
  if (fd < 0) fanlight::truth::die("socket");
  return fd;
}

sockaddr_in at(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

std::uint16_t port_of(int fd, bool peer = false) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if ((peer ? ::getpeername(fd, any, &size) : ::getsockname(fd, any, &size)) != 0) fanlight::truth::die("port");
  return ntohs(address.sin_port);
}

int listening() {
  const int fd = socket_of();
  sockaddr_in address = at(0);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 64) != 0)
    fanlight::truth::die("listen");
  return fd;
}

int connected(std::uint16_t port) {
  const int fd = socket_of();
  sockaddr_in address = at(port);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

void reset(int fd) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(fd);
}

/// The clients, and a listener for the target's connects. Ends when `hold` does.
[[noreturn]] void clients(int go, int hold, int own, std::uint16_t server) {
  char one = 0;
  if (::read(go, &one, 1) != 1) ::_exit(1);
  const int never_reads = connected(server);
  std::vector<pollfd> readers;
  for (int i = 0; i < kReaders; ++i) readers.push_back({.fd = connected(server), .events = POLLIN});
  for (int i = 0; i < kResetting; ++i) reset(connected(server));
  readers.push_back({.fd = own, .events = POLLIN});
  readers.push_back({.fd = hold, .events = POLLIN});
  std::array<char, 65536> bytes;
  for (;;) {
    ::poll(readers.data(), readers.size(), -1);
    for (pollfd& one_of_them : readers) {
      if (one_of_them.revents == 0) continue;
      if (one_of_them.fd == hold) ::_exit(never_reads < 0 ? 1 : 0);
      if (one_of_them.fd == own) {
        if (::accept(own, nullptr, nullptr) < 0) ::_exit(1);
      } else if (::read(one_of_them.fd, bytes.data(), bytes.size()) <= 0) {
        one_of_them.fd = -1;
      }
    }
  }
}

}  // namespace

int main() {
  const int server = listening();
  const int other = listening();
  const int nobody = listening();
  const std::uint16_t refused = port_of(nobody);
  ::close(nobody);
  int go[2], hold[2];
  if (::pipe(go) != 0 || ::pipe(hold) != 0) fanlight::truth::die("pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(hold[1]);
    ::close(go[1]);
    clients(go[0], hold[0], other, port_of(server));
  }
  ::close(hold[0]);
  const std::uint16_t elsewhere = port_of(other);
  ::close(other);  // the clients' own
  fanlight::truth::wait_at_gate();
  if (::write(go[1], "g", 1) != 1) fanlight::truth::die("write");

  // The first that comes is the one that never reads.
  const int slow = ::accept4(server, nullptr, nullptr, SOCK_NONBLOCK);
  std::vector<int> others;
  for (int i = 0; i < kReaders + kResetting; ++i) others.push_back(::accept4(server, nullptr, nullptr, SOCK_NONBLOCK));
  int opened = 0, failed = 0;
  for (int i = 0; i < kOutgoing; ++i) opened += connected(elsewhere) >= 0 ? 1 : 0;
  for (int i = 0; i < kRefused; ++i) failed += connected(refused) < 0 ? 1 : 0;
  const std::array<char, kBytes> message{};
  for (;;)
    if (::send(slow, message.data(), message.size(), MSG_NOSIGNAL) < 0) break;
  for (int i = 0; i < kMessages; ++i) {
    for (int fd : others) ::send(fd, message.data(), message.size(), MSG_NOSIGNAL);
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
  // One reset of our own: of the first that reads.
  const std::uint16_t slow_port = port_of(slow, true);
  reset(others.front());
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  // A client that ends with bytes it has not read resets, too.
  std::printf("{\"accepts\":%d,\"connects\":%d,\"refused\":%d,\"resets_by_peers\":%d,\"resets\":1,\"slow_port\":%d}\n",
              1 + kReaders + kResetting, opened, failed, kResetting + 1, slow_port);
  std::fflush(stdout);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ::close(hold[1]);
  ::waitpid(child, nullptr, 0);
}
