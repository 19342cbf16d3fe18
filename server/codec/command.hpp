// What a client asks for over a WebSocket. In: one message, hostile. Out: a command, or why it is none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "server/codec/envelope.hpp"

namespace fanlight::server::codec {

struct Command {
  struct Subscribe {
    std::string topic;
    std::optional<std::uint64_t> after;  // replay what came after this id
  };
  struct Publish {
    std::string topic;
    std::string data;
    std::string event;
    std::string key;
  };
  std::vector<Subscribe> subscribe;
  std::vector<std::string> unsubscribe;
  std::vector<Publish> publish;
};

/// {"subscribe": [TOPIC | {"topic": TOPIC, "after": ID}, ...], "unsubscribe": [TOPIC, ...],
///  "publish": [{"topic": TOPIC, "data": TEXT, "event": NAME, "key": KEY}, ...]}; one value may stand for an array of
///  one.
/// The same shape in MessagePack; `Command` of envelope.proto in Protobuf. Errors: anything else, more than 256 parts.
/// Topic names are not judged here. Threads: any.
Result<Command> parse_command(PayloadCodec codec, std::string_view bytes);

}  // namespace fanlight::server::codec
