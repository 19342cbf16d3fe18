// Other people's servers, as a test starts them: nginx with nchan, Redis, NATS, node ws. In: nothing. Out: one that
// listens on loopback, or why there is none here.
#pragma once

#include <unistd.h>

#include <memory>
#include <string>

#include "tests/child.hpp"

namespace fanlight::load {

class Peer {
 public:
  static Peer nginx();  // nchan on /sub/TOPIC and /pub/TOPIC, over HTTP and TLS
  static Peer redis(const std::string& password = {});
  static Peer nats(const std::string& token = {});
  static Peer nats_tls();  // on `address`, TLS alone
  static Peer node_ws();   // POST /pub, WebSocket with the subprotocol "fan", broadcast of what clients send

  Peer(Peer&&) = default;
  ~Peer();

  const std::string& why_not() const { return why_not_; }  // empty: it listens
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string tls_address() const { return "127.0.0.1:" + std::to_string(tls_port_); }
  std::string certificate() const { return (directory_ / "cert.pem").string(); }

 private:
  Peer() = default;
  void make_directory();
  bool make_certificate();
  void write(const std::string& name, const std::string& text) const;
  void start(std::vector<std::string> command, const std::string& package);

  std::filesystem::path directory_;
  std::unique_ptr<testing::Child> child_;
  std::string why_not_;
  std::uint16_t port_ = 0;
  std::uint16_t tls_port_ = 0;
};

}  // namespace fanlight::load
