// What a publishing connection says and hears. In: messages, a server's bytes. Out: requests, outcomes.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <variant>

#include "load/endpoint.hpp"
#include "load/http_response.hpp"
#include "load/plan.hpp"
#include "load/websocket.hpp"

namespace fanlight::load {

enum class Heard : std::uint8_t {
  nothing,   // more bytes are needed
  ready,     // the greeting is over
  accepted,  // the message was taken
  refused,   // it was not
  broken,    // the connection is of no further use
};

/// POST, one at a time. Source: RFC 9112.
class HttpTalk {
 public:
  HttpTalk(const Plan& plan, const Url& url);
  std::string greeting() { return {}; }
  void request(std::string_view message, std::string& out) const { out.append(head_).append(message); }
  Heard hear(std::string_view& bytes, std::string& reply, std::string& cause);
  bool answers() const { return true; }
  bool last() const { return closes_; }
  Heard hear_end(std::string& cause);

 private:
  Heard outcome(std::string& cause);

  std::string head_;
  ResponseReader reader_;
  bool closes_ = false;
};

/// PUBLISH.
class RedisTalk {
 public:
  explicit RedisTalk(const Plan& plan) : topic_(plan.topic), token_(plan.token) {}
  std::string greeting();
  void request(std::string_view message, std::string& out) const;
  Heard hear(std::string_view& bytes, std::string& reply, std::string& cause);
  bool answers() const { return true; }
  bool last() const { return false; }
  Heard hear_end(std::string&) { return Heard::nothing; }

 private:
  std::string topic_;
  std::string token_;
  bool greeted_ = false;
};

/// PUB, where the server is asked to answer each.
class NatsTalk {
 public:
  NatsTalk(const Plan& plan, bool tls) : topic_(plan.topic), token_(plan.token), tls_(tls) {}
  std::string greeting();
  void request(std::string_view message, std::string& out) const;
  Heard hear(std::string_view& bytes, std::string& reply, std::string& cause);
  bool answers() const { return true; }
  bool last() const { return false; }
  Heard hear_end(std::string&) { return Heard::nothing; }

 private:
  std::string topic_;
  std::string token_;
  bool tls_;
  bool greeted_ = false;
};

/// A text message, which nobody answers: it counts as accepted when it is sent.
class WsTalk {
 public:
  WsTalk(const Plan& plan, const Url& url, std::uint32_t seed);
  std::string greeting();
  void request(std::string_view message, std::string& out);
  Heard hear(std::string_view& bytes, std::string& reply, std::string& cause);
  bool answers() const { return false; }
  bool last() const { return false; }
  Heard hear_end(std::string&) { return Heard::nothing; }

 private:
  std::string head_;
  std::string accept_;
  ResponseReader reader_;
  WsState state_;
  std::minstd_rand random_;
  bool greeted_ = false;
};

/// `hear_end`: the server has closed, which may be an answer. `last`: it will close.
using PublishTalk = std::variant<HttpTalk, RedisTalk, NatsTalk, WsTalk>;

/// As the URL's scheme says: http, redis, nats, ws. A new one for each connection.
PublishTalk make_talk(const Plan& plan, const Url& url, std::uint32_t seed);

}  // namespace fanlight::load
