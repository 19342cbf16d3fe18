// Ways to hand one message to many sockets: a loop of `send`, io_uring, MSG_ZEROCOPY. In: bytes per message. Out: CPU
// time of the sending process per send, kernel helpers of io_uring included; a child on CPU 1 reads everything.
#include <benchmark/benchmark.h>
#include <liburing.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/fd.hpp"

namespace {

using fanlight::Fd;

constexpr unsigned kBatch = 256;  // of io_uring's queue

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

void pin_to(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  ::sched_setaffinity(0, sizeof set, &set);
}

/// The kernel thread that takes over what arrives on CPU 0 when much does; 0: none is found.
pid_t softirq_thread() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "comm");
    std::string name;
    if (std::getline(file, name) && name == "ksoftirqd/0") return std::stoi(entry.path().filename());
  }
  return 0;
}

/// CPU time of this process and of CPU 0's softirq thread: sending over loopback is receiving, too, and which of the
/// two is charged for that depends on the way. Source: proc(5), schedstat.
double cpu_seconds() {
  static std::ifstream softirq("/proc/" + std::to_string(softirq_thread()) + "/schedstat");
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  double softirq_ns = 0;
  softirq.clear();
  softirq.seekg(0);
  softirq >> softirq_ns;
  return static_cast<double>(time.tv_sec) + (static_cast<double>(time.tv_nsec) + softirq_ns) / 1e9;
}

/// Connections over loopback whose other ends are read by a child. `await(bytes)` returns once it has read that much.
class Crowd {
 public:
  explicit Crowd(std::size_t connections) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener.get(), 128) != 0 ||
        ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
      give_up("listen");
    std::vector<Fd> readers;
    for (std::size_t i = 0; i < connections; ++i) {
      Fd reader(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (::connect(reader.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) give_up("connect");
      Fd writer(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!writer) give_up("accept");
      const int yes = 1, room = 1 << 20;
      ::setsockopt(writer.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      ::setsockopt(writer.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
      ::setsockopt(writer.get(), SOL_SOCKET, SO_ZEROCOPY, &yes, sizeof yes);
      readers.push_back(std::move(reader));
      sockets.push_back(std::move(writer));
    }
    int to_child[2], from_child[2];
    if (::pipe(to_child) != 0 || ::pipe(from_child) != 0) give_up("pipe");
    child_ = ::fork();
    if (child_ < 0) give_up("fork");
    if (child_ == 0) read_for_ever(readers, to_child[0], from_child[1]);
    ::close(to_child[0]);
    ::close(from_child[1]);
    ask_ = Fd(to_child[1]);
    told_ = Fd(from_child[0]);
    pin_to(0);
  }
  Crowd(const Crowd&) = delete;
  ~Crowd() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }

  void await(std::uint64_t bytes) {
    char done;
    if (::write(ask_.get(), &bytes, sizeof bytes) != sizeof bytes || ::read(told_.get(), &done, 1) != 1)
      give_up("the reader");
  }

  std::vector<Fd> sockets;

 private:
  [[noreturn]] static void read_for_ever(const std::vector<Fd>& readers, int asked, int tell) {
    pin_to(1);
    Fd epoll(::epoll_create1(0));
    for (const Fd& reader : readers) {
      epoll_event event{.events = EPOLLIN, .data = {.fd = reader.get()}};
      ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, reader.get(), &event);
    }
    std::vector<epoll_event> events(1024);
    std::vector<char> buffer(256 * 1024);
    for (std::uint64_t wanted = 0; ::read(asked, &wanted, sizeof wanted) == sizeof wanted;) {
      while (wanted > 0) {
        const int ready = ::epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < ready; ++i) {
          const ssize_t got = ::recv(events[static_cast<std::size_t>(i)].data.fd, buffer.data(), buffer.size(), 0);
          if (got > 0) wanted -= static_cast<std::uint64_t>(got);
        }
      }
      if (::write(tell, "x", 1) != 1) break;
    }
    std::_Exit(0);
  }

  pid_t child_ = -1;
  Fd ask_;
  Fd told_;
};

/// `send_all` hands the message to every socket and returns when the kernel has taken all of it. `range(0)`:
/// connections; `range(1)`: bytes.
template <class SendAll>
void run(benchmark::State& state, SendAll&& send_all, const char* label) {
  const auto connections = static_cast<std::size_t>(state.range(0));
  Crowd crowd(connections);
  const std::string message(static_cast<std::size_t>(state.range(1)), 'x');
  double wall = 0;
  for (auto _ : state) {
    const double before = cpu_seconds();
    const std::uint64_t begin = fanlight::monotonic_ns();
    send_all(crowd.sockets, message);
    wall += static_cast<double>(fanlight::monotonic_ns() - begin) / 1e9;
    crowd.await(connections * message.size());
    state.SetIterationTime(cpu_seconds() - before);
  }
  const double sends = static_cast<double>(state.iterations()) * static_cast<double>(connections);
  state.counters["wall_us_per_send"] = wall * 1e6 / sends;
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(connections));
  state.SetLabel(label);
}

void BM_send(benchmark::State& state) {
  run(
      state,
      [](const std::vector<Fd>& sockets, const std::string& message) {
        for (const Fd& each : sockets) {
          if (::send(each.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL) !=
              static_cast<ssize_t>(message.size()))
            give_up("send");
        }
      },
      "a loop of send");
}

/// Requests are queued by `kBatch` and submitted by one call; successes leave no completion behind.
template <bool ZeroCopy>
void BM_uring(benchmark::State& state) {
  io_uring ring{};
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_CQSIZE;
  params.cq_entries = 4 * kBatch;
  if (::io_uring_queue_init_params(kBatch, &ring, &params) != 0) return state.SkipWithError("no io_uring here");
  bool registered = false;
  const auto drain = [&](unsigned wanted) {
    unsigned seen = 0;
    while (seen < wanted || ::io_uring_cq_ready(&ring) > 0) {
      io_uring_cqe* completion = nullptr;
      if (::io_uring_wait_cqe(&ring, &completion) != 0) give_up("io_uring_wait_cqe");
      if (completion->res < 0) give_up("a send by io_uring");
      if constexpr (ZeroCopy) seen += (completion->flags & IORING_CQE_F_NOTIF) != 0 ? 1 : 0;
      ::io_uring_cqe_seen(&ring, completion);
      if constexpr (!ZeroCopy) ++seen;
    }
  };
  run(
      state,
      [&](const std::vector<Fd>& sockets, const std::string& message) {
        if (!registered) {
          std::vector<int> files;
          for (const Fd& each : sockets) files.push_back(each.get());
          if (::io_uring_register_files(&ring, files.data(), static_cast<unsigned>(files.size())) != 0)
            give_up("register files");
          registered = true;
        }
        unsigned queued = 0;
        for (std::size_t i = 0; i < sockets.size(); ++i) {
          io_uring_sqe* entry = ::io_uring_get_sqe(&ring);
          if constexpr (ZeroCopy) {
            ::io_uring_prep_send_zc(entry, static_cast<int>(i), message.data(), message.size(), MSG_NOSIGNAL, 0);
            entry->flags |= IOSQE_FIXED_FILE;
          } else {
            ::io_uring_prep_send(entry, static_cast<int>(i), message.data(), message.size(),
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
            entry->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
          }
          if (++queued < kBatch && i + 1 < sockets.size()) continue;
          if (::io_uring_submit(&ring) != static_cast<int>(queued)) give_up("submit");
          drain(ZeroCopy ? queued : 0);
          queued = 0;
        }
      },
      ZeroCopy ? "io_uring, zero copy" : "io_uring");
  ::io_uring_queue_exit(&ring);
}

/// The kernel says on the error queue when it no longer needs the pages; over loopback it says that it copied after
/// all.
void BM_zerocopy(benchmark::State& state) {
  run(
      state,
      [](const std::vector<Fd>& sockets, const std::string& message) {
        for (const Fd& each : sockets) {
          if (::send(each.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL | MSG_ZEROCOPY) !=
              static_cast<ssize_t>(message.size()))
            give_up("send");
        }
        for (const Fd& each : sockets) {
          char control[128];
          msghdr told{.msg_control = control, .msg_controllen = sizeof control};
          while (::recvmsg(each.get(), &told, MSG_ERRQUEUE | MSG_DONTWAIT) < 0 && errno == EAGAIN) ::sched_yield();
        }
      },
      "send with MSG_ZEROCOPY");
}

// A row a second or two: as many sends in each, and no search for how many, which would connect the crowd anew each
// time.
constexpr std::int64_t kSends = 60'000;

/// The ways next to each other, so that what the machine does meanwhile meets all of them.
[[maybe_unused]] const bool registered = [] {
  struct Way {
    const char* name;
    void (*run)(benchmark::State&);
  };
  for (const std::int64_t bytes : {130, 2080, 16'384}) {
    for (const std::int64_t connections : {1000, 5000}) {
      for (const Way& way : {Way{"send", BM_send}, Way{"uring", BM_uring<false>}, Way{"uring_zerocopy", BM_uring<true>},
                             Way{"zerocopy", BM_zerocopy}}) {
        benchmark::RegisterBenchmark(way.name, way.run)
            ->Args({connections, bytes})
            ->UseManualTime()
            ->Iterations(kSends / connections)
            ->Unit(benchmark::kMillisecond);
      }
    }
  }
  return true;
}();

}  // namespace
