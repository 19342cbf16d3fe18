// Writes a known number of times to two sockets: over loopback TCP while the reader keeps up, then into a socket pair
// that nobody reads, until the kernel has refused 50 writes; last, 10 times into a connection that is gone (EPIPE).
// A thread of its own, or as many as the argument says, writes 7 times to a socket that never was connected (ENOTCONN).
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <thread>

#include "tests/truth/gate.hpp"

using fanlight::truth::die;

namespace {

struct Counts {
  std::uint64_t writes = 0, bytes = 0, would_block = 0, errors = 0, epipe = 0, not_connected = 0;

  bool add(ssize_t result) {
    ++writes;
    if (result >= 0)
      bytes += static_cast<std::uint64_t>(result);
    else if (errno == EAGAIN)
      ++would_block;
    else {
      ++errors;
      epipe += errno == EPIPE;
      not_connected += errno == ENOTCONN;
    }
    return result >= 0;
  }
};

struct Connection {
  int ours = -1;
  int theirs = -1;
};

Connection loopback() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 1) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    die("listen");
  Connection connection;
  connection.ours = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(connection.ours, reinterpret_cast<sockaddr*>(&address), size) != 0) die("connect");
  connection.theirs = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (connection.theirs < 0) die("accept");
  ::close(listener);
  return connection;
}

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  const Connection tcp = loopback();
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) die("socketpair");
  fanlight::truth::wait_at_gate();

  Counts counts;
  char message[128] = {};
  std::thread reader([&] {
    char taken[65536];
    while (::read(tcp.theirs, taken, sizeof taken) > 0) {}
  });
  // Three calls that reach a socket by different ways.
  for (int i = 0; i < 1000; ++i) counts.add(::send(tcp.ours, message, sizeof message, 0));
  for (int i = 0; i < 1000; ++i) counts.add(::write(tcp.ours, message, 100));
  for (int i = 0; i < 1000; ++i) {
    iovec parts[2] = {{message, 64}, {message, 32}};
    counts.add(::writev(tcp.ours, parts, 2));
  }
  ::shutdown(tcp.ours, SHUT_WR);
  reader.join();

  while (counts.would_block < 50) counts.add(::send(pair[0], message, sizeof message, 0));
  ::close(pair[1]);
  for (int i = 0; i < 10; ++i) counts.add(::send(pair[0], message, sizeof message, MSG_NOSIGNAL));

  // One after the other, so that nothing counts at the same time.
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  for (int thread = 0; thread < threads; ++thread) {
    std::thread([&] {
      const int alone = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      for (int i = 0; i < 7; ++i) counts.add(::send(alone, message, sizeof message, MSG_NOSIGNAL));
      ::close(alone);
    }).join();
    if (threads > 1) ::usleep(1000);
  }

  std::printf(R"({"writes":%lu,"bytes":%lu,"would_block":%lu,"errors":%lu,"epipe":%lu,"enotconn":%lu})"
              "\n",
              counts.writes, counts.bytes, counts.would_block, counts.errors, counts.epipe, counts.not_connected);
  return 0;
}
