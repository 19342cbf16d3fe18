// What one run is to do. In: the command line. Out: plain values, checked.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace fanlight::load {

struct Plan {
  std::string url = "http://127.0.0.1:8080";
  std::string topic = "load";
  unsigned sse = 0;  // subscribers
  unsigned ws = 0;
  double rate = 100;       // messages per second, by all publishers together
  std::size_t size = 128;  // bytes of each message
  std::chrono::nanoseconds duration{std::chrono::seconds(10)};
  std::chrono::nanoseconds warmup{std::chrono::seconds(1)};
  std::chrono::nanoseconds drain{std::chrono::seconds(2)};  // how long stragglers are waited for
  std::chrono::nanoseconds connect_timeout{std::chrono::seconds(10)};
  double connect_rate = 2000;  // connections per second
  unsigned publishers = 4;     // connections
  unsigned threads = 1;        // that read subscribers; one more publishes

  unsigned subscribers() const { return sse + ws; }
};

}  // namespace fanlight::load
