// A server that does nothing but send, for measuring what the load tester can receive. In: connections that ask for SSE
// or WebSocket. Out: ready-made messages as fast as they are taken, and how many were sent.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/fd.hpp"
#include "load/payload.hpp"
#include "load/websocket.hpp"

namespace {

using namespace fanlight;

constexpr std::uint64_t kRoundNs = 100'000;

struct Client {
  Fd fd;
  bool websocket = false;
  bool streaming = false;
  std::string unsent;  // what the socket did not take of the last block
};

std::string frame(bool websocket, std::string_view payload, std::uint64_t id) {
  if (!websocket) return "id: " + std::to_string(id) + "\ndata: " + std::string(payload) + "\n\n";
  std::string out{static_cast<char>(0x81)};
  if (payload.size() < 126) {
    out.push_back(static_cast<char>(payload.size()));
  } else {
    out.push_back(126);
    out.push_back(static_cast<char>(payload.size() >> 8));
    out.push_back(static_cast<char>(payload.size() & 255));
  }
  return out.append(payload);
}

void answer(Client& client) {
  std::array<char, 8192> buffer;
  const ssize_t got = ::recv(client.fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return client.fd.reset();
  const std::string_view request(buffer.data(), static_cast<std::size_t>(got));
  if (!request.ends_with("\r\n\r\n")) return;
  constexpr std::string_view kKey = "Sec-WebSocket-Key: ";
  std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
  if (const std::size_t key = request.find(kKey); key != std::string_view::npos) {
    const std::size_t begin = key + kKey.size();
    client.websocket = true;
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
           load::websocket_accept(request.substr(begin, request.find('\r', begin) - begin)) + "\r\n\r\n";
  }
  client.streaming = ::send(client.fd.get(), head.data(), head.size(), MSG_NOSIGNAL) > 0;
}

}  // namespace

int main(int argc, char** argv) {
  // bench_load_sender PORT MESSAGES-PER-SEND SIZE ROUNDS-PER-SECOND (0: as fast as it goes)
  const auto number = [&](int i, unsigned usual) {
    unsigned value = usual;
    if (i < argc) std::from_chars(argv[i], argv[i] + std::strlen(argv[i]), value);
    return value;
  };
  const unsigned port = number(1, 0), batch = number(2, 16), size = std::max(48u, number(3, 128)), pace = number(4, 0);
  Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  const int on = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::listen(listener.get(), 4096) != 0 ||
      ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    std::perror("listen");
    return 1;
  }
  std::fprintf(stderr, "listening on http://127.0.0.1:%u\n", ntohs(address.sin_port));
  Fd epoll(::epoll_create1(0));
  epoll_event event{.events = EPOLLIN, .data = {.u64 = ~0ull}};
  ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, listener.get(), &event);
  std::vector<Client> clients;
  std::array<epoll_event, 512> events;
  std::string payload(size, '.');
  std::uint32_t sequence = 0;
  std::uint64_t sent = 0, told_ns = monotonic_ns(), next_ns = told_ns, told_sent = 0;
  for (;;) {
    const int ready = ::epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), sequence == 0 ? 1 : 0);
    for (int i = 0; i < ready; ++i) {
      if (events[static_cast<std::size_t>(i)].data.u64 != ~0ull) {
        Client& client = clients[events[static_cast<std::size_t>(i)].data.u64];
        if (client.fd) answer(client);
        continue;
      }
      for (;;) {
        Fd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!accepted) break;
        ::setsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_event readable{.events = EPOLLIN, .data = {.u64 = clients.size()}};
        ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, accepted.get(), &readable);
        clients.push_back({std::move(accepted)});
      }
    }
    const std::uint64_t now = monotonic_ns();
    if (now >= told_ns + 1'000'000'000) {
      std::fprintf(stderr, "%llu messages/s\n",
                   static_cast<unsigned long long>(static_cast<double>(sent - told_sent) * 1e9 /
                                                   static_cast<double>(now - told_ns)));
      told_ns = now;
      told_sent = sent;
    }
    if (batch == 0 || now < next_ns) continue;
    if (pace > 0) next_ns = std::max(next_ns + 1'000'000'000 / pace, now - 10 * kRoundNs);
    std::array<std::string, 2> blocks;
    bool any = false;
    for (const Client& client : clients) any = any || client.streaming;
    if (!any) continue;
    for (unsigned i = 0; i < batch; ++i) {
      load::encode({1, 0, sequence, sequence, now}, payload);
      ++sequence;
      for (const bool websocket : {false, true}) blocks[websocket ? 1 : 0] += frame(websocket, payload, sequence);
    }
    for (Client& client : clients) {
      if (!client.fd || !client.streaming) continue;
      const std::string& block = client.unsent.empty() ? blocks[client.websocket ? 1 : 0] : client.unsent;
      const bool fresh = client.unsent.empty();
      const ssize_t written = ::send(client.fd.get(), block.data(), block.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (written < 0) {
        if (errno != EAGAIN) client.fd.reset();
        continue;
      }
      if (fresh) sent += batch;
      client.unsent = block.substr(static_cast<std::size_t>(written));
    }
  }
}
