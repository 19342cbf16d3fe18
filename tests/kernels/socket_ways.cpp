// Writes to sockets by ways that kernels treat apart: many messages in one call, to one address and to several; IPv6;
// datagrams; and, in a thread named "pages", a file sent without passing through the program. At the end it prints how
// many messages the calls took and how many bytes.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <thread>

#include "tests/truth/gate.hpp"

using fanlight::truth::die;

namespace {

std::uint64_t writes = 0, bytes = 0;
char payload[128];

void add(ssize_t sent) {
  if (sent < 0) die("send");
  ++writes;
  bytes += static_cast<std::uint64_t>(sent);
}

/// One call; counts each of its messages.
void send_many(int socket, mmsghdr* messages, unsigned count) {
  for (unsigned done = 0; done < count;) {
    const int sent = ::sendmmsg(socket, messages + done, count - done, 0);
    if (sent <= 0) die("sendmmsg");
    for (int i = 0; i < sent; ++i) add(messages[done + static_cast<unsigned>(i)].msg_len);
    done += static_cast<unsigned>(sent);
  }
}

struct Peers {
  int ours = -1;
  int theirs = -1;
};

Peers tcp(int family) {
  sockaddr_storage address{};
  socklen_t size = 0;
  if (family == AF_INET) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(address);
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    size = sizeof v4;
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = in6addr_loopback;
    size = sizeof v6;
  }
  auto* any = reinterpret_cast<sockaddr*>(&address);
  const int listener = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(listener, any, size) != 0 || ::listen(listener, 1) != 0 || ::getsockname(listener, any, &size) != 0) {
    ::close(listener);
    return {};
  }
  Peers peers;
  peers.ours = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(peers.ours, any, size) != 0) die("connect");
  peers.theirs = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  ::close(listener);
  return peers;
}

int bound_udp(sockaddr_in& address) {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  address = {.sin_family = AF_INET, .sin_port = 0, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket, any, size) != 0 || ::getsockname(socket, any, &size) != 0) die("bind");
  return socket;
}

void drain(int socket) {
  char taken[65536];
  while (::read(socket, taken, sizeof taken) > 0) {}
}

}  // namespace

int main() {
  const Peers v4 = tcp(AF_INET), v6 = tcp(AF_INET6), file_way = tcp(AF_INET);
  if (v4.theirs < 0 || file_way.theirs < 0) die("accept");
  sockaddr_in near{}, far{};
  const int near_socket = bound_udp(near), far_socket = bound_udp(far);
  const int datagrams = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  fanlight::truth::wait_at_gate();

  constexpr unsigned kBatch = 8;
  iovec part{payload, 96};
  mmsghdr messages[kBatch] = {};
  for (mmsghdr& message : messages) {
    message.msg_hdr.msg_iov = &part;
    message.msg_hdr.msg_iovlen = 1;
  }
  std::thread reader([&] { drain(v4.theirs); });
  for (int i = 0; i < 200; ++i) add(::sendmsg(v4.ours, &messages[0].msg_hdr, 0));
  for (int i = 0; i < 50; ++i) send_many(v4.ours, messages, kBatch);
  ::shutdown(v4.ours, SHUT_WR);
  reader.join();

  // What a full receive buffer drops was sent all the same.
  for (mmsghdr& message : messages) {
    message.msg_hdr.msg_name = &near;
    message.msg_hdr.msg_namelen = sizeof near;
  }
  for (int i = 0; i < 20; ++i) send_many(datagrams, messages, kBatch);
  for (unsigned i = 0; i < kBatch; i += 2) messages[i].msg_hdr.msg_name = &far;
  for (int i = 0; i < 20; ++i) send_many(datagrams, messages, kBatch);
  for (int i = 0; i < 100; ++i)
    add(::sendto(datagrams, payload, 48, 0, reinterpret_cast<const sockaddr*>(&near), sizeof near));

  // A machine may have no IPv6.
  if (v6.theirs >= 0) {
    std::thread other([&] { drain(v6.theirs); });
    for (int i = 0; i < 100; ++i) add(::send(v6.ours, payload, sizeof payload, 0));
    ::shutdown(v6.ours, SHUT_WR);
    other.join();
  }

  std::uint64_t file_bytes = 0;
  std::thread pages([&] {
    ::pthread_setname_np(::pthread_self(), "pages");
    constexpr std::size_t kSize = 64 * 1024;
    const int file = ::memfd_create("pages", MFD_CLOEXEC);
    if (::ftruncate(file, kSize) != 0) die("ftruncate");
    std::thread taker([&] { drain(file_way.theirs); });
    for (off_t at = 0; at < static_cast<off_t>(kSize);) {
      const ssize_t sent = ::sendfile(file_way.ours, file, &at, kSize - static_cast<std::size_t>(at));
      if (sent <= 0) die("sendfile");
      file_bytes += static_cast<std::uint64_t>(sent);
    }
    ::shutdown(file_way.ours, SHUT_WR);
    taker.join();
  });
  pages.join();
  ::close(near_socket);
  ::close(far_socket);

  std::printf(R"({"writes":%lu,"bytes":%lu,"file_bytes":%lu})"
              "\n",
              writes, bytes, file_bytes);
  return 0;
}
