// Clients of a server under test. In: a port on 127.0.0.1. Out: what the server said; every wait has an end.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/fd.hpp"

namespace fanlight::server::net {

/// A blocking connection that gives up reading after ten seconds. Broken connections read as an end.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const timeval patience{.tv_sec = 10};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }

  /// False when the server has hung up already.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void finish_sending() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }

  /// Everything up to and with `end`; less when the connection ends before.
  std::string read_until(std::string_view end) {
    while (buffer_.find(end) == std::string::npos && receive()) {}
    const std::size_t found = buffer_.find(end);
    const std::size_t size = found == std::string::npos ? buffer_.size() : found + end.size();
    return take(size);
  }
  std::string read(std::size_t bytes) {
    while (buffer_.size() < bytes && receive()) {}
    return take(std::min(bytes, buffer_.size()));
  }
  /// Whatever comes next, past the buffer; allocates nothing.
  std::size_t read_some(char* into, std::size_t size) {
    const ssize_t got = ::recv(fd_.get(), into, size, 0);
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  std::string read_all() {
    while (receive()) {}
    return take(buffer_.size());
  }
  /// True when the connection ended, false when patience did.
  bool ended() const { return ended_; }

 private:
  bool receive() {
    char bytes[64 * 1024];
    ssize_t got;
    do got = ::recv(fd_.get(), bytes, sizeof bytes, 0);
    while (got < 0 && errno == EINTR);
    if (got > 0) {
      buffer_.append(bytes, static_cast<std::size_t>(got));
      return true;
    }
    ended_ = got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
    return false;
  }
  std::string take(std::size_t size) {
    std::string taken = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return taken;
  }

  Fd fd_;
  std::string buffer_;
  bool ended_ = false;
};

struct Answered {
  int status = 0;  // 0: none came
  std::string head;
  std::string body;
};

/// Reads one answer that has a Content-Length.
inline Answered read_answer(RawClient& client) {
  Answered answered{.head = client.read_until("\r\n\r\n")};
  if (answered.head.starts_with("HTTP/1.1 ")) answered.status = std::stoi(answered.head.substr(9));
  const std::size_t length = answered.head.find("Content-Length: ");
  if (length != std::string::npos) answered.body = client.read(std::stoul(answered.head.substr(length + 16)));
  return answered;
}

inline std::string request(std::string_view method, std::string_view target, std::string_view body = {},
                           std::string_view headers = {}) {
  std::string text = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n";
  text += headers;
  if (method == "POST" || !body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + std::string(body);
}

/// One request on a connection of its own.
inline Answered ask(std::uint16_t port, std::string_view method, std::string_view target, std::string_view body = {},
                    std::string_view headers = {}) {
  RawClient client(port);
  client.send(request(method, target, body, headers));
  return read_answer(client);
}

/// An event stream whose answer has been read: it is subscribed.
inline RawClient subscribe_sse(std::uint16_t port, std::string_view topic, int receive_buffer = 0,
                               std::string_view headers = {}) {
  RawClient client(port, receive_buffer);
  client.send(request("GET", "/sse/" + std::string(topic), {}, headers));
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n")) << head;
  const std::string advice = client.read_until("\n\n");
  EXPECT_TRUE(advice.starts_with("retry: ")) << advice;
  return client;
}

/// A WebSocket past its handshake, for tests that send frames by hand. Source of the key: RFC 6455, 1.3.
inline RawClient subscribe_websocket(std::uint16_t port, std::string_view topic, int receive_buffer = 0) {
  RawClient client(port, receive_buffer);
  client.send("GET /ws/" + std::string(topic) +
              " HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
  EXPECT_NE(head.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos) << head;
  return client;
}

}  // namespace fanlight::server::net
