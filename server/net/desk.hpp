// One worker's reception: what its HTTP connections share and count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include "server/hub/hub.hpp"
#include "server/net/options.hpp"

namespace fanlight::server::net {

/// Counters of one worker's HTTP side.
struct DeskReading {
  std::map<unsigned, std::uint64_t> answers;  // by status; 101 and the 200 of a stream included
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;        // more connections than may be
  std::uint64_t timeouts = 0;       // requests that did not arrive in time
  std::uint64_t malformed = 0;      // requests that were not HTTP, or broke a limit
  std::uint64_t disconnects = 0;    // in the middle of a request or of its answer
  std::uint64_t accept_errors = 0;  // out of descriptors, most likely
  std::uint64_t exceptions = 0;     // that ended a connection; each is a bug or memory that ran out
  std::uint64_t connections = 0;    // HTTP connections now, subscribers not counted

  void add(const DeskReading& other);
};

/// Threads: the worker's only. Outlives every connection of its worker.
struct Desk {
  hub::Hub& hub;
  hub::Worker& worker;
  const Options& options;
  /// The page that /metrics answers with; asks every worker, so it takes a loop turn of each.
  std::function<boost::asio::awaitable<std::string>()> metrics_page;
  DeskReading counts;
  std::set<boost::beast::tcp_stream*> idle;  // wait for a next request; a stop may cancel them
  bool stopping = false;

  /// Connections between requests end now; those inside one end after its answer.
  void begin_drain() {
    stopping = true;
    for (boost::beast::tcp_stream* stream : idle) stream->cancel();
  }
};

}  // namespace fanlight::server::net
