#include "tests/load/fake_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "load/websocket.hpp"

namespace fanlight::load {
namespace {

bool nth(std::uint64_t number, unsigned every) { return every != 0 && number % every == every - 1; }

std::string server_frame(char kind, std::string_view payload) {
  std::string frame{static_cast<char>(0x80 | kind)};
  if (payload.size() < 126) {
    frame.push_back(static_cast<char>(payload.size()));
  } else {
    frame.push_back(126);
    frame.push_back(static_cast<char>(payload.size() >> 8));
    frame.push_back(static_cast<char>(payload.size() & 255));
  }
  return frame.append(payload);
}

std::string chunk(std::string_view text) {
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return size + std::string(text) + "\r\n";
}

std::string field(const std::string& head, std::string_view name) {
  const std::size_t at = head.find("\r\n" + std::string(name) + ": ");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + 4 + name.size();
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

}  // namespace

FakeServer::FakeServer(const Misbehaviour& misbehaviour)
    : misbehaviour_(misbehaviour), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener_.get(), 512) != 0 ||
      ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no port on loopback");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

FakeServer::~FakeServer() { stop(); }

void FakeServer::stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void FakeServer::stall_when_due() {
  if (misbehaviour_.stall_every.count() == 0) return;
  const std::uint64_t now = monotonic_ns();
  const auto every = static_cast<std::uint64_t>(std::chrono::nanoseconds(misbehaviour_.stall_every).count());
  if (next_stall_ns_ == 0) next_stall_ns_ = now + every;
  if (now < next_stall_ns_) return;
  std::this_thread::sleep_for(misbehaviour_.stall_for);
  stalls_.push_back({now, monotonic_ns()});
  next_stall_ns_ += every;
}

void FakeServer::serve() {
  std::vector<pollfd> polled;
  while (!stop_ && (misbehaviour_.die_after == 0 || number_ < misbehaviour_.die_after)) {
    stall_when_due();
    polled.assign(1, {listener_.get(), POLLIN, 0});
    for (auto& [fd, client] : clients_)
      polled.push_back(
          {fd, static_cast<short>((client->half_closed ? 0 : POLLIN) | (client->out.empty() ? 0 : POLLOUT)), 0});
    ::poll(polled.data(), polled.size(), misbehaviour_.stall_every.count() == 0 ? 10 : 1);
    for (const pollfd& entry : polled) {
      if (entry.revents == 0) continue;
      if (entry.fd == listener_.get()) {
        for (;;) {
          sockaddr_in peer{};
          socklen_t size = sizeof peer;
          Fd accepted(
              ::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
          if (!accepted) break;
          ++accepted_;
          char words[INET_ADDRSTRLEN] = {};
          peers_.insert(::inet_ntop(AF_INET, &peer.sin_addr, words, sizeof words));
          auto client = std::make_unique<Client>();
          const int fd = accepted.get();
          client->fd = std::move(accepted);
          clients_[fd] = std::move(client);
        }
        continue;
      }
      const auto found = clients_.find(entry.fd);
      if (found->second->half_closed && (entry.revents & (POLLERR | POLLHUP)) == 0) continue;
      char buffer[65536];
      const ssize_t got = ::recv(entry.fd, buffer, sizeof buffer, 0);
      if (got > 0) {
        found->second->in.append(buffer, static_cast<std::size_t>(got));
        on_input(*found->second);
      } else if (got == 0 && misbehaviour_.keep_half_closed && !found->second->half_closed) {
        found->second->half_closed = true;
      } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        clients_.erase(found);
      }
    }
    for (auto it = clients_.begin(); it != clients_.end();) {
      Client& client = *it->second;
      if (!client.out.empty()) {
        const ssize_t sent = ::send(client.fd.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL);
        if (sent > 0) client.out.erase(0, static_cast<std::size_t>(sent));
      }
      it = client.cut && client.out.empty() ? clients_.erase(it) : std::next(it);
    }
  }
  listener_.reset();
  clients_.clear();
}

void FakeServer::on_input(Client& client) {
  if (client.kind == Client::websocket) {
    if (client.in.size() >= 6 && (client.in[0] & 15) == 10) ++pongs_;
    websocket_bytes_ += client.in.size();
    // A length in eight bytes: the first read of a frame holds its head, as our clients send one at a time.
    if (misbehaviour_.max_frame != 0 && !client.refused && client.in.size() >= 10 && (client.in[1] & 127) == 127) {
      std::uint64_t length = 0;
      for (int i = 2; i < 10; ++i)
        length = length << 8 | static_cast<unsigned char>(client.in[static_cast<std::size_t>(i)]);
      client.refused = length > misbehaviour_.max_frame;
      if (client.refused) client.out += server_frame(8, "\x03\xf1");
    }
    client.in.clear();
    return;
  }
  if (!client.in.empty() && (client.in[0] < 'A' || client.in[0] > 'Z')) {  // no method: TLS, for one
    client.out = "HTTP/1.1 400 Bad Request\r\n\r\n";
    client.in.clear();
    client.cut = true;
    return;
  }
  for (;;) {
    const std::size_t end = client.in.find("\r\n\r\n");
    if (end == std::string::npos) return;
    const std::string head = client.in.substr(0, end + 2);
    const std::string length = field(head, "Content-Length");
    const std::size_t body = length.empty() ? 0 : std::stoul(length);
    if (client.in.size() < end + 4 + body) return;
    const std::string content = client.in.substr(end + 4, body);
    client.in.erase(0, end + 4 + body);
    on_request(client, head, content);
  }
}

void FakeServer::on_request(Client& client, const std::string& head, const std::string& body) {
  if (requests_.size() < 100) requests_.push_back(head);
  if (head.starts_with("GET /sse/") && misbehaviour_.sse != Misbehaviour::Sse::serve) {
    if (misbehaviour_.sse == Misbehaviour::Sse::ignore) return;
    client.cut = true;
    client.out = misbehaviour_.sse_answer;
    const linger at_once{1, 0};
    if (misbehaviour_.sse == Misbehaviour::Sse::reset)
      ::setsockopt(client.fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  } else if (head.starts_with("GET /sse/") && misbehaviour_.most_sse != 0 && sse_ >= misbehaviour_.most_sse) {
    client.out += "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
  } else if (head.starts_with("GET /sse/")) {
    ++sse_;
    client.kind = Client::sse;
    client.out += "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n";
    client.out += misbehaviour_.chunked_sse ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n";
    if (misbehaviour_.cut_once) client.out += "retry: 200\n\n";
    if (misbehaviour_.retry_ms >= 0) client.out += "retry: " + std::to_string(misbehaviour_.retry_ms) + "\n\n";
    client.replays = !field(head, "Last-Event-ID").empty();
    if (client.replays)
      for (std::size_t id = std::stoul(field(head, "Last-Event-ID")); id < history_.size(); ++id)
        client.out += history_[id];
  } else if (head.starts_with("GET /ws/") && !misbehaviour_.refuse_websockets) {
    client.kind = Client::websocket;
    const std::string key = misbehaviour_.wrong_accept ? "nonsense" : field(head, "Sec-WebSocket-Key");
    client.out +=
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: " +
        websocket_accept(key) + "\r\n\r\n";
    if (misbehaviour_.ping_websockets) client.out += server_frame(9, "are you there");
  } else if (head.starts_with("POST /topics/")) {
    client.cut = misbehaviour_.old_http;
    if (nth(posts_++, misbehaviour_.refuse_posts_every)) {
      if (misbehaviour_.old_http) {
        client.out += "HTTP/1.0 503 Service Unavailable\r\n\r\nbusy";
        return;
      }
      client.out += "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy";
      return;
    }
    broadcast(body);
    client.out +=
        misbehaviour_.old_http ? "HTTP/1.0 200 OK\r\n\r\nok" : "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
  } else {
    client.out += "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
  }
}

void FakeServer::broadcast(const std::string& message) {
  const std::uint64_t number = number_++;
  if (nth(number, misbehaviour_.drop_every)) return;
  if (nth(number, misbehaviour_.swap_every) && held_back_.empty()) {
    held_back_ = message;
    return;
  }
  deliver(nth(number, misbehaviour_.garble_every) ? message.substr(0, message.size() - 1) : message);
  if (nth(number, misbehaviour_.repeat_every)) deliver(message);
  if (!held_back_.empty()) deliver(std::exchange(held_back_, {}));
}

void FakeServer::deliver(const std::string& message) {
  const std::string event = ": a comment\nid: " + std::to_string(number_) + "\ndata: " + message + "\n\n";
  if (misbehaviour_.cut_once) history_.push_back(event);
  for (auto& [fd, client] : clients_) {
    if (client->kind == Client::sse) client->out += misbehaviour_.chunked_sse ? chunk(event) : event;
    if (client->kind == Client::websocket && !client->refused) client->out += server_frame(1, message);
    if (client->kind == Client::sse && misbehaviour_.cut_after != 0 && number_ >= misbehaviour_.cut_after)
      client->cut = !misbehaviour_.cut_once || !client->replays;
  }
}

}  // namespace fanlight::load
