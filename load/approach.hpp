// How a group's subscribers reach the server. In: a plan. Out: addresses and the words of their requests.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "load/endpoint.hpp"
#include "load/plan.hpp"
#include "load/tls.hpp"

namespace fanlight::load {

/// The URL that an adapter makes of `plan.url`, or the one that was given instead; "{topic}" replaced.
/// Errors: it does not parse, or its scheme is not that protocol's.
Result<Url> subscribe_url(const Plan& plan, Protocol protocol);
Result<Url> publish_url(const Plan& plan);

/// The URLs as they were given, for people.
std::string subscribe_words(const Plan& plan);
std::string publish_words(const Plan& plan);

/// "Name: value\r\n" of every header that all requests carry: --header and --token.
std::string extra_fields(const Plan& plan);

/// What all connections of a group have in common. Threads: const, any.
struct Approach {
  Protocol protocol = Protocol::sse;
  Profile profile;
  Endpoint endpoint;
  std::string topic;
  std::string token;
  std::string subprotocol;
  std::string request;  // HTTP: up to the fields that differ, without the blank line; else: everything
  std::vector<Source> sources;
  SSL_CTX* tls = nullptr;  // owned by the run; null: without
  bool verify = true;
};

/// Errors: URLs, names that do not resolve, source addresses.
Result<Approach> make_approach(const Plan& plan, const Group& group, SSL_CTX* tls);

}  // namespace fanlight::load
