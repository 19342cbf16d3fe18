// What receiving costs before anything is done with the bytes, and what opening connections does, by several ways to
// ask the kernel for them. In: a sender's port. Out: reads per second of CPU time, or the time until every connection
// had its response, neither of which a tester that works this way can better.
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/fd.hpp"
#include "load/cpu.hpp"

namespace {

using namespace fanlight;

constexpr std::string_view kWays =
    "level      epoll, level-triggered, a recv for each\n"
    "edge       the same, edge-triggered\n"
    "quickack   edges, and TCP_QUICKACK after each read: the acknowledgement leaves at once\n"
    "lazyack    level, and TCP_QUICKACK off once: it waits for its timer\n"
    "lowat      level, SO_RCVLOWAT of 16 messages: woken less often\n"
    "busypoll   level, SO_BUSY_POLL 50 us\n"
    "nap        a millisecond of sleep before each epoll_wait: more sockets a wake\n"
    "sweep      no epoll: every socket asked in turn, every 2 ms\n"
    "uring      io_uring, multishot receives into buffers that the kernel picks\n"
    "open       opening: connect, the request at once, edges; as fanlight-load does\n"
    "opennagle  the same without TCP_NODELAY\n"
    "openwait   the same, but the request when epoll says that the connection stands\n"
    "openuring  opening: connect, request and response linked in io_uring\n";
constexpr std::string_view kRequest = "GET /sse/load HTTP/1.1\r\nHost: x\r\n\r\n";

struct Count {
  std::uint64_t reads = 0;
  std::uint64_t bytes = 0;
  std::uint64_t wakes = 0;
};

int open_epoll(const std::vector<Fd>& sockets, std::uint32_t events) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  for (const Fd& socket : sockets) {
    epoll_event event{.events = events, .data = {.fd = socket.get()}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, socket.get(), &event);
  }
  return epoll;
}

/// What the loop does again and again.
using Round = std::function<void(Count&)>;

void take(int fd, std::vector<char>& buffer, Count& count) {
  const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got <= 0) return;
  ++count.reads;
  count.bytes += static_cast<std::uint64_t>(got);
}

Round by_epoll(const std::vector<Fd>& sockets, std::string_view way) {
  const bool edges = way == "edge" || way == "quickack";
  const int epoll = open_epoll(sockets, EPOLLIN | (edges ? EPOLLET | EPOLLRDHUP : 0u));
  return [epoll, way, buffer = std::vector<char>(128u << 10)](Count& count) mutable {
    if (way == "nap") {
      const timespec nap{0, 1'000'000};
      ::nanosleep(&nap, nullptr);
    }
    std::array<epoll_event, 512> events;
    const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 20);
    ++count.wakes;
    for (int i = 0; i < ready; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      take(fd, buffer, count);
      const int on = 1;
      if (way == "quickack") ::setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    }
  };
}

Round by_sweeping(const std::vector<Fd>& sockets) {
  return [&sockets, buffer = std::vector<char>(128u << 10)](Count& count) mutable {
    for (const Fd& socket : sockets) take(socket.get(), buffer, count);
    ++count.wakes;
    const timespec nap{0, 2'000'000};
    ::nanosleep(&nap, nullptr);
  };
}

/// Empty: the kernel has it not.
Round by_uring(const std::vector<Fd>& sockets) {
  constexpr unsigned kBuffers = 4096, kSize = 4096;
  static io_uring ring;
  io_uring_params parameters{};
  parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
  parameters.cq_entries = 4 * kBuffers;
  if (::io_uring_queue_init_params(kBuffers, &ring, &parameters) < 0) return {};
  auto* const buffers = static_cast<io_uring_buf_ring*>(std::aligned_alloc(4096, kBuffers * sizeof(io_uring_buf)));
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(buffers);
  registration.ring_entries = kBuffers;
  registration.bgid = 1;
  if (::io_uring_register_buf_ring(&ring, &registration, 0) < 0) return {};
  ::io_uring_buf_ring_init(buffers);
  static std::vector<char> memory(std::size_t{kBuffers} * kSize);
  const auto give_back = [buffers](unsigned id, unsigned behind) {
    ::io_uring_buf_ring_add(buffers, memory.data() + std::size_t{id} * kSize, kSize, static_cast<unsigned short>(id),
                            ::io_uring_buf_ring_mask(kBuffers), static_cast<int>(behind));
  };
  for (unsigned id = 0; id < kBuffers; ++id) give_back(id, id);
  ::io_uring_buf_ring_advance(buffers, kBuffers);
  const auto arm = [&sockets](std::size_t i) {
    io_uring_sqe* entry = ::io_uring_get_sqe(&ring);
    if (entry == nullptr) {
      ::io_uring_submit(&ring);
      entry = ::io_uring_get_sqe(&ring);
    }
    ::io_uring_prep_recv(entry, sockets[i].get(), nullptr, 0, 0);
    entry->ioprio |= IORING_RECV_MULTISHOT;
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = 1;
    entry->user_data = i;
  };
  for (std::size_t i = 0; i < sockets.size(); ++i) arm(i);
  return [=](Count& count) {
    __kernel_timespec patience{0, 20'000'000};
    io_uring_cqe* entry = nullptr;
    ::io_uring_submit_and_wait_timeout(&ring, &entry, 1, &patience, nullptr);
    ++count.wakes;
    unsigned head = 0, seen = 0, given = 0;
    io_uring_for_each_cqe(&ring, head, entry) {
      ++seen;
      if (entry->res > 0) {
        ++count.reads;
        count.bytes += static_cast<std::uint64_t>(entry->res);
        give_back(entry->flags >> IORING_CQE_BUFFER_SHIFT, given++);
      }
      if ((entry->flags & IORING_CQE_F_MORE) == 0) arm(static_cast<std::size_t>(entry->user_data));
    }
    ::io_uring_buf_ring_advance(buffers, static_cast<int>(given));
    ::io_uring_cq_advance(&ring, seen);
  };
}

Fd open_socket(bool blocking, bool nagle) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK), 0));
  const int on = 1;
  if (!nagle) ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

/// How many have had a response when none has come for a second, or all have.
unsigned open_by_epoll(const sockaddr_in& address, unsigned connections, std::string_view way) {
  const bool waits = way == "openwait";
  const Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  static std::vector<Fd> sockets;
  std::vector<char> buffer(64u << 10);
  std::array<epoll_event, 512> events;
  unsigned answered = 0;
  while (answered < connections) {
    for (int i = 0; i < 64 && sockets.size() < connections; ++i) {
      Fd socket = open_socket(false, way == "opennagle");
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
      if (!waits) ::send(socket.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL);
      epoll_event event{.events = EPOLLET | EPOLLIN | EPOLLRDHUP | (waits ? EPOLLOUT : 0u),
                        .data = {.fd = socket.get()}};
      ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, socket.get(), &event);
      sockets.push_back(std::move(socket));
    }
    const int ready = ::epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()),
                                   sockets.size() < connections ? 0 : 1000);
    if (ready <= 0 && sockets.size() == connections) break;
    for (int i = 0; i < ready; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (waits && (event.events & (EPOLLOUT | EPOLLIN)) == EPOLLOUT)
        ::send(event.data.fd, kRequest.data(), kRequest.size(), MSG_NOSIGNAL);
      else if (::recv(event.data.fd, buffer.data(), buffer.size(), MSG_DONTWAIT) > 0)
        ++answered;
    }
  }
  return answered;
}

unsigned open_by_uring(const sockaddr_in& address, unsigned connections) {
  static std::vector<Fd> sockets;
  static std::vector<std::array<char, 512>> answers(connections);
  io_uring ring;
  io_uring_params parameters{};
  parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
  parameters.cq_entries = 16384;
  if (::io_uring_queue_init_params(256, &ring, &parameters) < 0) return 0;
  unsigned answered = 0;
  while (answered < connections) {
    for (int i = 0; i < 64 && sockets.size() < connections; ++i) {
      sockets.push_back(open_socket(true, false));
      const int fd = sockets.back().get();
      io_uring_sqe* entry = ::io_uring_get_sqe(&ring);
      ::io_uring_prep_connect(entry, fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
      entry->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
      entry = ::io_uring_get_sqe(&ring);
      ::io_uring_prep_send(entry, fd, kRequest.data(), kRequest.size(), MSG_NOSIGNAL);
      entry->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
      entry = ::io_uring_get_sqe(&ring);
      std::array<char, 512>& answer = answers[sockets.size() - 1];
      ::io_uring_prep_recv(entry, fd, answer.data(), answer.size(), 0);
    }
    __kernel_timespec patience{sockets.size() < connections ? 0 : 1, 0};
    io_uring_cqe* entry = nullptr;
    const int done = ::io_uring_submit_and_wait_timeout(&ring, &entry, 1, &patience, nullptr);
    if (entry == nullptr && done < 0 && sockets.size() == connections) break;
    unsigned head = 0, seen = 0;
    io_uring_for_each_cqe(&ring, head, entry) {
      ++seen;
      if (entry->res > 0) ++answered;
    }
    ::io_uring_cq_advance(&ring, seen);
  }
  return answered;
}

int measure_opening(const sockaddr_in& address, unsigned connections, std::string_view way) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const std::uint64_t begin = monotonic_ns(), cpu = load::thread_cpu_ns();
  const unsigned answered =
      way == "openuring" ? open_by_uring(address, connections) : open_by_epoll(address, connections, way);
  std::printf("%u of %u connections, %.*s: %.0f ms, of which %.0f ms of CPU\n", answered, connections,
              static_cast<int>(way.size()), way.data(), static_cast<double>(monotonic_ns() - begin) / 1e6,
              static_cast<double>(load::thread_cpu_ns() - cpu) / 1e6);
  return answered == connections ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int i, unsigned usual) {
    unsigned value = usual;
    if (i < argc) std::from_chars(argv[i], argv[i] + std::strlen(argv[i]), value);
    return value;
  };
  const unsigned connections = number(2, 1000), seconds = number(3, 3);
  const std::string_view way = argc > 4 ? argv[4] : "";
  if (way.empty() || kWays.find(std::string(way) + " ") == std::string_view::npos) {
    std::fprintf(stderr, "bench_load_floor PORT CONNECTIONS SECONDS WAY\n%s", kWays.data());
    return 2;
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(number(1, 0)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (way.starts_with("open")) return measure_opening(address, connections, way);
  std::vector<Fd> sockets;
  for (unsigned i = 0; i < connections; ++i) {
    Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::send(socket.get(), kRequest.data(), kRequest.size(), 0) < 0) {
      std::perror("connect");
      return 1;
    }
    const int off = 0, microseconds = 50, sixteen_messages = 16 * 144;
    if (way == "lazyack") ::setsockopt(socket.get(), IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off);
    if (way == "busypoll") ::setsockopt(socket.get(), SOL_SOCKET, SO_BUSY_POLL, &microseconds, sizeof microseconds);
    if (way == "lowat") ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVLOWAT, &sixteen_messages, sizeof sixteen_messages);
    sockets.push_back(std::move(socket));
  }
  const Round round = way == "uring"   ? by_uring(sockets)
                      : way == "sweep" ? by_sweeping(sockets)
                                       : by_epoll(sockets, way);
  if (!round) {
    std::printf("%.*s: this kernel has it not\n", static_cast<int>(way.size()), way.data());
    return 0;
  }
  Count count;
  std::uint64_t cpu = 0;
  const std::uint64_t warm = monotonic_ns() + 1'000'000'000, end = warm + seconds * 1'000'000'000ull;
  for (std::uint64_t now; (now = monotonic_ns()) < end; round(count)) {
    if (cpu != 0 || now < warm) continue;
    cpu = load::thread_cpu_ns();
    count = {};
  }
  const double used = static_cast<double>(load::thread_cpu_ns() - cpu) / 1e9;
  std::printf("%u connections, %.*s: %.0f reads per second of CPU, %.0f B each, %.1f a wake, %.2f of a core\n",
              connections, static_cast<int>(way.size()), way.data(), static_cast<double>(count.reads) / used,
              static_cast<double>(count.bytes) / static_cast<double>(count.reads == 0 ? 1 : count.reads),
              static_cast<double>(count.reads) / static_cast<double>(count.wakes == 0 ? 1 : count.wakes),
              used / seconds);
}
