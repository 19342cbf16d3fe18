// The price of a delivery, end to end: a server on CPU 0, its subscribers on CPU 1, next to the bare loop of `send`.
// In: a server's command line. Out: a table on standard output.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/fd.hpp"
#include "tests/bench/figures.hpp"

namespace {

using fanlight::Fd;
using fanlight::monotonic_ns;
using fanlight::bench::figure;

constexpr std::size_t kPayload = 128;
constexpr std::string_view kFloorRequest = "floor\r\n\r\n";
constexpr std::string_view kFloorAnswer = "welcome to the bare loop\r\n\r\n";

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "bench_fanout: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) std::fprintf(stderr, "bench_fanout: not pinned to CPU %d\n", cpu);
}

Fd connect_to(std::uint16_t port) {
  for (int attempt = 0; attempt < 500; ++attempt) {
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) give_up("socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
      const int yes = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      return fd;
    }
    ::usleep(20'000);
  }
  give_up("connect");
}

// The floor: epoll, accept, one recv, one send per delivery, nothing else. A connection that says "publish" is the
// publisher: whatever it sends in frames of kPayload + 2 bytes goes to everyone else, one send each.
[[noreturn]] void run_floor(int report) {
  pin_to(0);
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(listener, 4096) != 0)
    give_up("listen");
  socklen_t size = sizeof address;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const std::uint16_t port = ntohs(address.sin_port);
  if (::write(report, &port, sizeof port) != sizeof port) give_up("report the port");
  const int epoll = ::epoll_create1(0);
  epoll_event event{.events = EPOLLIN, .data = {.fd = listener}};
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  std::vector<int> subscribers;
  int publisher = -1;
  std::string pending;
  std::vector<epoll_event> events(256);
  std::vector<char> buffer(64 * 1024);
  for (;;) {
    const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener) {
        for (int accepted; (accepted = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
          const int yes = 1;
          ::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
          epoll_event each{.events = EPOLLIN, .data = {.fd = accepted}};
          ::epoll_ctl(epoll, EPOLL_CTL_ADD, accepted, &each);
        }
        continue;
      }
      const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
      if (got <= 0) {
        ::close(fd);
        std::erase(subscribers, fd);
        if (fd == publisher) publisher = -1;
        continue;
      }
      if (fd == publisher) {
        pending.append(buffer.data(), static_cast<std::size_t>(got));
        for (; pending.size() >= kPayload + 2; pending.erase(0, kPayload + 2)) {
          for (const int each : subscribers) ::send(each, pending.data(), kPayload + 2, MSG_DONTWAIT | MSG_NOSIGNAL);
        }
      } else if (std::string_view(buffer.data(), static_cast<std::size_t>(got)).starts_with("publish")) {
        publisher = fd;
      } else {
        ::send(fd, kFloorAnswer.data(), kFloorAnswer.size(), 0);
        subscribers.push_back(fd);
      }
    }
  }
}

struct Target {
  std::string name;
  std::string wire;  // sse, ws, floor
  std::vector<std::string> command;
};

struct Running {
  pid_t pid = -1;
  std::uint16_t port = 0;
};

Running start(const Target& target) {
  int pipe_ends[2];
  if (::pipe(pipe_ends) != 0) give_up("pipe");
  const pid_t pid = ::fork();
  if (pid < 0) give_up("fork");
  if (pid == 0) {
    ::close(pipe_ends[0]);
    if (target.wire == "floor") run_floor(pipe_ends[1]);
    pin_to(0);
    ::dup2(pipe_ends[1], 2);
    std::vector<char*> argv;
    for (const std::string& word : target.command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    ::execv(argv[0], argv.data());
    std::perror(argv[0]);
    std::_Exit(127);
  }
  ::close(pipe_ends[1]);
  Running running{.pid = pid};
  if (target.wire == "floor") {
    if (::read(pipe_ends[0], &running.port, sizeof running.port) != sizeof running.port)
      give_up("read the floor's port");
  } else {
    std::string said;
    char c;
    while (said.find("\n") == std::string::npos && ::read(pipe_ends[0], &c, 1) == 1) said += c;
    const std::size_t colon = said.rfind(':');
    if (said.find("listening on") == std::string::npos || colon == std::string::npos) {
      std::fprintf(stderr, "bench_fanout: the server said: %s\n", said.c_str());
      std::exit(1);
    }
    running.port = static_cast<std::uint16_t>(std::stoi(said.substr(colon + 1)));
  }
  ::fcntl(pipe_ends[0], F_SETFD, FD_CLOEXEC);  // stays open: a server that logs must not meet a closed pipe
  return running;
}

void stop(const Running& running) {
  ::kill(running.pid, SIGKILL);
  ::waitpid(running.pid, nullptr, 0);
}

double cpu_seconds(pid_t pid) {
  // The scheduler's own nanoseconds of every thread; clock ticks would be 10 ms coarse. Source: proc(5), schedstat.
  double total = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream file(task.path() / "schedstat");
    double ns = 0;
    if (file >> ns) total += ns / 1e9;
  }
  return total;
}

double resident_bytes(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
  double pages = 0, resident = 0;
  file >> pages >> resident;
  return resident * 4096;
}

/// What one subscriber is sent per message.
std::size_t message_bytes(const Target& target, std::uint64_t id) {
  if (target.wire == "floor") return kPayload + 2;
  if (target.wire == "ws") return kPayload + 4;
  return kPayload + std::string_view("id: \ndata: \n\n").size() + std::to_string(id).size();
}

std::string handshake(const Target& target) {
  if (target.wire == "floor") return std::string(kFloorRequest);
  if (target.wire == "sse") return "GET /sse/bench HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n";
  return "GET /ws/bench HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
}

struct Client {
  Fd fd;
  std::size_t missing = 0;  // bytes of the round under way
};

struct Crowd {
  std::vector<Client> clients;
  Fd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  double seconds = 0;  // from the first connect to the last answer
};

Crowd gather(const Target& target, std::uint16_t port, std::size_t count) {
  Crowd crowd;
  crowd.clients.resize(count);
  const std::string request = handshake(target);
  const std::uint64_t begin = monotonic_ns();
  constexpr std::size_t kAtOnce = 256;
  for (std::size_t done = 0; done < count; done += kAtOnce) {
    const std::size_t until = std::min(done + kAtOnce, count);
    for (std::size_t i = done; i < until; ++i) {
      crowd.clients[i].fd = connect_to(port);
      if (::send(crowd.clients[i].fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) give_up("ask");
    }
    for (std::size_t i = done; i < until; ++i) {
      std::string head;
      char buffer[2048];
      while (head.find("\r\n\r\n") == std::string::npos ||
             (target.wire == "sse" && head.find("\n\n", head.find("\r\n\r\n") + 4) == std::string::npos)) {
        const ssize_t got = ::recv(crowd.clients[i].fd.get(), buffer, sizeof buffer, 0);
        if (got <= 0) give_up("read the answer to a subscription: " + head);
        head.append(buffer, static_cast<std::size_t>(got));
      }
    }
  }
  crowd.seconds = static_cast<double>(monotonic_ns() - begin) / 1e9;
  for (std::size_t i = 0; i < count; ++i) {
    const int fd = crowd.clients[i].fd.get();
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
    ::epoll_ctl(crowd.epoll.get(), EPOLL_CTL_ADD, fd, &event);
  }
  return crowd;
}

std::string post(const Target& target) {
  const std::string payload(kPayload, 'x');
  if (target.wire == "floor") return payload + "\r\n";
  return "POST /topics/bench HTTP/1.1\r\nHost: bench\r\nContent-Length: " + std::to_string(kPayload) + "\r\n\r\n" +
         payload;
}

/// Reads until every client has what it is owed. Times of whole messages go to `latencies` when it is not null.
void read_all(Crowd& crowd, std::size_t owed, std::uint64_t begin, std::vector<std::uint64_t>* latencies) {
  std::size_t left = crowd.clients.size();
  for (Client& client : crowd.clients) client.missing = owed;
  std::vector<epoll_event> events(1024);
  static char buffer[256 * 1024];
  while (left > 0) {
    const int ready = ::epoll_wait(crowd.epoll.get(), events.data(), static_cast<int>(events.size()), 10'000);
    if (ready == 0) {
      std::fprintf(stderr, "bench_fanout: %zu clients still wait for bytes after 10 s\n", left);
      std::exit(1);
    }
    for (int i = 0; i < ready; ++i) {
      Client& client = crowd.clients[events[static_cast<std::size_t>(i)].data.u64];
      const ssize_t got = ::recv(client.fd.get(), buffer, sizeof buffer, 0);
      if (got <= 0) {
        if (errno == EAGAIN) continue;
        give_up("read a delivery");
      }
      client.missing -= std::min(client.missing, static_cast<std::size_t>(got));
      if (client.missing > 0) continue;
      --left;
      if (latencies != nullptr) latencies->push_back(monotonic_ns() - begin);
    }
  }
}

struct Result {
  double cpu_us = 0;  // of the server, per delivery
  double accept_s = 0;
  double idle_bytes = 0;
  std::vector<std::uint64_t> latencies;
};

struct Publisher {
  Fd fd;
  std::string text;
  std::size_t answers = 0;

  Publisher(const Target& target, std::uint16_t port) : fd(connect_to(port)), text(post(target)) {
    if (target.wire == "floor" && ::send(fd.get(), "publish", 7, 0) != 7) give_up("become the publisher");
    if (target.wire == "floor") ::usleep(50'000);
  }
  void publish(std::size_t messages) {
    std::string all;
    for (std::size_t i = 0; i < messages; ++i) all += text;
    for (std::size_t sent = 0; sent < all.size();) {
      const ssize_t took = ::send(fd.get(), all.data() + sent, all.size() - sent, MSG_NOSIGNAL);
      if (took <= 0) give_up("publish");
      sent += static_cast<std::size_t>(took);
    }
  }
  void discard_answers() {
    char buffer[64 * 1024];
    while (::recv(fd.get(), buffer, sizeof buffer, MSG_DONTWAIT) > 0) {}
  }
};

Result measure(const Target& target, std::size_t connections, std::size_t in_flight, double rate, double seconds) {
  const Running running = start(target);
  gather(target, running.port,
         1);  // code and libraries that the first of its kind brings into memory are not a connection's
  ::usleep(300'000);
  const double before = resident_bytes(running.pid);
  Crowd crowd = gather(target, running.port, connections);
  Result result{.accept_s = crowd.seconds};
  ::usleep(200'000);
  result.idle_bytes = (resident_bytes(running.pid) - before) / static_cast<double>(connections);
  Publisher publisher(target, running.port);
  std::uint64_t id = 0;
  const auto round = [&](std::vector<std::uint64_t>* latencies) {
    std::size_t owed = 0;
    for (std::size_t i = 0; i < in_flight; ++i) owed += message_bytes(target, ++id);
    const std::uint64_t begin = monotonic_ns();
    publisher.publish(in_flight);
    read_all(crowd, owed, begin, latencies);
    publisher.discard_answers();
  };
  for (int i = 0; i < 3; ++i) round(nullptr);
  const double cpu_before = cpu_seconds(running.pid);
  const std::uint64_t begin = monotonic_ns();
  std::size_t rounds = 0;
  while (static_cast<double>(monotonic_ns() - begin) < seconds * 1e9) {
    if (rate > 0) {
      const std::uint64_t due = begin + static_cast<std::uint64_t>(static_cast<double>(rounds) / rate * 1e9);
      for (std::uint64_t now; (now = monotonic_ns()) < due;) ::usleep(static_cast<unsigned>((due - now) / 1000 + 1));
    }
    round(rate > 0 ? &result.latencies : nullptr);
    ++rounds;
  }
  result.cpu_us = (cpu_seconds(running.pid) - cpu_before) * 1e6 / static_cast<double>(rounds * in_flight * connections);
  stop(running);
  return result;
}

double percentile(std::vector<std::uint64_t>& values, double fraction) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::size_t>(fraction * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(at));
  return static_cast<double>(values[at]);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

int usage(int code) {
  std::fprintf(
      code == 0 ? stdout : stderr,
      "usage: bench_fanout [cost|send|trigger|latency|accept] [--connections N,N] [--in-flight N,N] [--rate N,N]\n"
      "                    [--seconds S] [--repeat N] [--wire sse,ws] [SERVER [OPTION...]]\n"
      "  cost      CPU microseconds of the server per delivery, beside the bare loop of send in the same run\n"
      "  send      the same by each way to send\n"
      "  trigger   the same with level- and with edge-triggered epoll\n"
      "  latency   p50 and p99 from publishing to each subscriber's having it, at a rate\n"
      "  accept    time until all connections are subscribed, and what each adds to the resident bytes\n"
      "  SERVER    path to fanlight-server, by default the one beside this program; the options after it are "
      "added to --listen 127.0.0.1:0 --workers 1\n");
  return code;
}

std::vector<double> numbers(const char* text) {
  std::vector<double> list;
  std::stringstream words(text);
  for (std::string word; std::getline(words, word, ',');) list.push_back(std::stod(word));
  return list;
}

}  // namespace

int main(int argc, char** argv) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  std::vector<double> connections{1000, 5000, 10'000}, in_flight{1, 16}, rates{1, 10};
  double seconds = 3;
  int repeat = 3;
  std::string mode, wires = "sse,ws";
  int at = 1;
  for (; at < argc; ++at) {
    const std::string_view word = argv[at];
    const bool more = at + 1 < argc;
    if (word == "-h" || word == "--help") return usage(0);
    if (word == "--connections" && more)
      connections = numbers(argv[++at]);
    else if (word == "--in-flight" && more)
      in_flight = numbers(argv[++at]);
    else if (word == "--rate" && more)
      rates = numbers(argv[++at]);
    else if (word == "--seconds" && more)
      seconds = std::stod(argv[++at]);
    else if (word == "--repeat" && more)
      repeat = std::stoi(argv[++at]);
    else if (word == "--wire" && more)
      wires = argv[++at];
    else if (mode.empty() &&
             (word == "cost" || word == "send" || word == "trigger" || word == "latency" || word == "accept"))
      mode = word;
    else
      break;
  }
  if (mode.empty()) mode = "cost";
  if (at < argc && argv[at][0] == '-') return usage(2);
  const std::string beside =
      (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "fanlight-server").string();
  std::vector<std::string> command{at < argc ? std::string(argv[at]) : beside,
                                   "--listen",
                                   "127.0.0.1:0",
                                   "--workers",
                                   "1",
                                   "--sample-hz",
                                   "0",
                                   "--heartbeat",
                                   "30s",
                                   "--pong-window",
                                   "30s"};
  for (int i = at + 1; i < argc; ++i) command.emplace_back(argv[i]);
  std::vector<Target> targets{{"bare loop", "floor", {}}};
  for (const std::string wire : {"sse", "ws"}) {
    if (wires.find(wire) == std::string::npos) continue;
    const std::vector<std::string> choices = mode == "trigger" ? std::vector<std::string>{"level", "edge"}
                                             : mode == "send"  ? std::vector<std::string>{"copy", "gather", "uring"}
                                                               : std::vector<std::string>{};
    if (choices.empty()) targets.push_back({wire, wire, command});
    for (const std::string& choice : choices) {
      targets.push_back({wire + " " + choice, wire, command});
      targets.back().command.insert(targets.back().command.end(), {"--" + mode, choice});
    }
  }
  pin_to(1);

  for (const double count : connections) {
    const auto crowd = static_cast<std::size_t>(count);
    const std::vector<double>& second = mode == "latency" ? rates : in_flight;
    for (const double parameter : mode == "accept" ? std::vector<double>{1} : second) {
      double floor_cost = 0, floor_time = 0, floor_p99 = 0;
      for (const Target& target : targets) {
        std::vector<double> costs, times, idles;
        std::vector<std::uint64_t> latencies;
        for (int i = 0; i < repeat; ++i) {
          const bool latency = mode == "latency";
          Result result = measure(target, crowd, latency ? 1 : static_cast<std::size_t>(parameter),
                                  latency ? parameter : 0, mode == "accept" ? 0.01 : seconds);
          costs.push_back(result.cpu_us);
          times.push_back(result.accept_s);
          idles.push_back(result.idle_bytes);
          latencies.insert(latencies.end(), result.latencies.begin(), result.latencies.end());
        }
        const double p99 = percentile(latencies, 0.99);
        if (target.wire == "floor") {
          floor_cost = median(costs);
          floor_time = median(times);
          floor_p99 = p99;
        }
        std::string row = std::to_string(crowd) + " connections, ";
        if (mode != "accept")
          row += std::to_string(static_cast<long>(parameter)) + (mode == "latency" ? " msg/s, " : " in flight, ");
        row += target.name;
        if (mode != "latency" && mode != "accept") {
          figure(row + ", CPU per delivery", median(costs), "us");
          figure(row + ", beside the bare loop", median(costs) / floor_cost, "x");
          std::printf("%6zu connections, %2.0f in flight: %-10s %6.3f us per delivery  %5.2f x floor\n", crowd,
                      parameter, target.name.c_str(), median(costs), median(costs) / floor_cost);
        } else if (mode == "latency") {
          figure(row + ", p50", percentile(latencies, 0.5) / 1e6, "ms");
          figure(row + ", p99", p99 / 1e6, "ms");
          figure(row + ", p99 beside the bare loop", p99 / floor_p99, "x");
          std::printf("%6zu connections, %2.0f msg/s: %-9s p50 %8.3f ms  p99 %8.3f ms  %5.2f x floor\n", crowd,
                      parameter, target.name.c_str(), percentile(latencies, 0.5) / 1e6, p99 / 1e6, p99 / floor_p99);
        } else {
          figure(row + ", subscribed in", median(times), "s");
          figure(row + ", beside the bare loop", median(times) / floor_time, "x");
          figure(row + ", idle", median(idles), "bytes/connection");
          std::printf("%6zu connections: %-9s subscribed in %6.3f s  %5.2f x floor  %6.0f bytes each\n", crowd,
                      target.name.c_str(), median(times), median(times) / floor_time, median(idles));
        }
        std::fflush(stdout);
      }
    }
  }
  return 0;
}
