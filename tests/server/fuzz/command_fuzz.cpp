// Fuzzes commands and envelopes. Property: what is accepted has parts, and not too many.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/codec/command.hpp"
#include "server/codec/msgpack.hpp"

using namespace fanlight::server;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto chosen = static_cast<codec::PayloadCodec>(1 + data[0] % 3);
  if (const auto command = codec::parse_command(chosen, bytes)) {
    const std::size_t parts = command->subscribe.size() + command->unsubscribe.size() + command->publish.size();
    if (parts == 0 || parts > 256) std::abort();
    std::string out;
    for (const auto& part : command->publish)
      codec::append_envelope(out, chosen,
                             {.topic = part.topic, .data = part.data, .event = part.event, .key = part.key});
  } else if (command.error().hint.empty()) {
    std::abort();
  }
  codec::msgpack::Reader reader(bytes);
  while (!reader.at_end() && reader.skip()) {}
  return 0;
}
