// A server for one test. In: options. Out: it, on a free port of 127.0.0.1.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "server/net/server.hpp"

namespace fanlight::server::net {

inline Server serve(Options options = {}) {
  options.port = 0;
  if (options.workers == 0) options.workers = 2;
  auto server = Server::start(options);
  EXPECT_TRUE(server) << (server ? "" : server.error().what);
  return std::move(*server);
}

/// All of them where io_uring may be used.
inline std::vector<hub::SendMode> send_modes() {
  std::vector<hub::SendMode> modes = {hub::SendMode::copy, hub::SendMode::gather};
  if (hub::SendRing::try_out()) modes.push_back(hub::SendMode::uring);
  return modes;
}

/// Asks again until it is so, ten seconds at most: what the server counts follows what a client sees.
inline bool eventually(const std::function<bool()>& so) {
  for (int i = 0; i < 1000; ++i) {
    if (so()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

inline void expect_balanced(const Reading& reading) {
  for (const codec::Wire wire : codec::kAllWires) {
    const hub::WireReading& account = reading.workers.wires[index_of(wire)];
    EXPECT_EQ(account.balance(), 0) << name_of(wire) << ": offered " << account.offered << ", delivered "
                                    << account.delivered << ", dropped " << account.dropped_total() << ", queued "
                                    << account.queued_outbox;
  }
}

}  // namespace fanlight::server::net
