// A connection whose requests come in pieces, or whose answer takes a while.
#pragma once

#include <memory>
#include <string>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "server/hub/session.hpp"

namespace fanlight::server::net {

/// Made when a request is not whole in one read, gone when all is answered: idle connections have none.
class HttpExchange final : public hub::Exchange {
 public:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  std::string input;               // not parsed yet
  std::unique_ptr<Parser> parser;  // of the request under way
  bool waiting = false;            // for an answer that is made elsewhere
  bool continued = false;          // 100 Continue was said
  bool ended = false;              // the peer sends no more
  bool keep = true;                // after the answer that is waited for
};

inline HttpExchange* exchange_of(hub::Session& session) { return static_cast<HttpExchange*>(session.exchange.get()); }

inline HttpExchange& make_exchange(hub::Session& session) {
  if (!session.exchange) session.exchange = std::make_unique<HttpExchange>();
  return *exchange_of(session);
}

}  // namespace fanlight::server::net
