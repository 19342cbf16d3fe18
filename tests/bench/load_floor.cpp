// What receiving costs before anything is done with the bytes: epoll and recv, and nothing else. In: a sender's port.
// Out: reads per second of CPU time, which no tester on this machine can exceed.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/fd.hpp"
#include "load/cpu.hpp"

int main(int argc, char** argv) {
  using namespace fanlight;
  // bench_load_floor PORT CONNECTIONS SECONDS level|edge|quickack
  const auto number = [&](int i, unsigned usual) {
    unsigned value = usual;
    if (i < argc) std::from_chars(argv[i], argv[i] + std::strlen(argv[i]), value);
    return value;
  };
  const unsigned connections = number(2, 1000), seconds = number(3, 3);
  const std::string_view way = argc > 4 ? argv[4] : "edge";
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(number(1, 0)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Fd epoll(::epoll_create1(0));
  std::vector<Fd> sockets;
  constexpr std::string_view kRequest = "GET /sse/load HTTP/1.1\r\nHost: x\r\n\r\n";
  for (unsigned i = 0; i < connections; ++i) {
    Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::send(socket.get(), kRequest.data(), kRequest.size(), 0) < 0) {
      std::perror("connect");
      return 1;
    }
    epoll_event event{.events = EPOLLIN | (way == "level" ? 0u : EPOLLET | EPOLLRDHUP), .data = {.fd = socket.get()}};
    ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, socket.get(), &event);
    sockets.push_back(std::move(socket));
  }
  std::array<epoll_event, 512> events;
  std::vector<char> buffer(128u << 10);
  std::uint64_t reads = 0, bytes = 0, cpu = 0;
  const std::uint64_t warm = monotonic_ns() + 1'000'000'000, end = warm + seconds * 1'000'000'000ull;
  for (std::uint64_t now; (now = monotonic_ns()) < end;) {
    if (cpu == 0 && now >= warm) {
      cpu = load::thread_cpu_ns();
      reads = bytes = 0;
    }
    const int ready = ::epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), 20);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (got <= 0) continue;
      ++reads;
      bytes += static_cast<std::uint64_t>(got);
      const int on = 1;
      if (way == "quickack") ::setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    }
  }
  const double used = static_cast<double>(load::thread_cpu_ns() - cpu) / 1e9;
  std::printf("%u connections, %.*s: %.0f reads per second of CPU, %.0f B each, %.2f of a core\n", connections,
              static_cast<int>(way.size()), way.data(), static_cast<double>(reads) / used,
              static_cast<double>(bytes) / static_cast<double>(reads == 0 ? 1 : reads), used / seconds);
}
