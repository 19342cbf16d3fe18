// Redis's protocol, the client's side. In: bytes off the wire, cut anywhere. Out: replies and messages; commands.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "load/found.hpp"

namespace fanlight::load {

/// Views into the bytes parsed.
struct RedisReply {
  char type = '+';                        // + - : $ or *
  std::string_view text;                  // not of an array
  std::array<std::string_view, 4> parts;  // of an array
  std::size_t count = 0;                  // parts that an array has
};

/// Arrays of at most four scalars are taken, which is what subscribers and publishers are sent. Anything else, and bulk
/// strings of more than kMaxItem, are errors. Threads: any. Source: redis.io, "Redis serialization protocol
/// specification", RESP 2.
Found next_redis(std::string_view& bytes, RedisReply& reply);

/// A command as an array of bulk strings.
std::string redis_command(std::initializer_list<std::string_view> words);

}  // namespace fanlight::load
