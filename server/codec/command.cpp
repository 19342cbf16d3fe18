#include "server/codec/command.hpp"

#include <google/protobuf/stubs/logging.h>

#include <boost/json.hpp>

#include "server/codec/envelope.pb.h"
#include "server/codec/msgpack.hpp"

namespace fanlight::server::codec {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxParts = 256;
constexpr const char* kHint =
    R"(send {"subscribe":["topic"]}, {"unsubscribe":["topic"]} or {"publish":{"topic":"t","data":"d"}})";

std::unexpected<Error> not_a_command(const char* why) { return fail(0, std::string("not a command: ") + why, kHint); }

Result<> check(const Command& command) {
  const std::size_t parts = command.subscribe.size() + command.unsubscribe.size() + command.publish.size();
  if (parts > kMaxParts) return not_a_command("more than 256 parts");
  if (parts == 0) return not_a_command("nothing asked");
  return {};
}

std::optional<std::string> text_at(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(json::string_view(name.data(), name.size()));
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string().c_str(), value->get_string().size());
}

template <class Each>
bool for_each(const json::value& value, Each&& each) {
  if (!value.is_array()) return each(value);
  for (const json::value& item : value.get_array()) {
    if (!each(item)) return false;
  }
  return true;
}

Result<Command> parse_json(std::string_view bytes) {
  json::error_code error;
  const json::parse_options options{.max_depth = 8};
  const json::value root = json::parse(json::string_view(bytes.data(), bytes.size()), error, {}, options);
  if (error || !root.is_object()) return not_a_command("not a JSON object");
  Command command;
  for (const auto& field : root.get_object()) {
    bool good = true;
    if (field.key() == "subscribe") {
      good = for_each(field.value(), [&](const json::value& item) {
        if (item.is_string()) {
          command.subscribe.push_back({.topic = std::string(item.get_string().c_str(), item.get_string().size())});
          return true;
        }
        if (!item.is_object()) return false;
        auto topic = text_at(item.get_object(), "topic");
        if (!topic) return false;
        Command::Subscribe part{.topic = std::move(*topic)};
        if (const json::value* after = item.get_object().if_contains("after")) {
          json::error_code wrong;
          part.after = after->to_number<std::uint64_t>(wrong);
          if (wrong) return false;
        }
        command.subscribe.push_back(std::move(part));
        return true;
      });
    } else if (field.key() == "unsubscribe") {
      good = for_each(field.value(), [&](const json::value& item) {
        if (!item.is_string()) return false;
        command.unsubscribe.emplace_back(item.get_string().c_str(), item.get_string().size());
        return true;
      });
    } else if (field.key() == "publish") {
      good = for_each(field.value(), [&](const json::value& item) {
        if (!item.is_object()) return false;
        auto topic = text_at(item.get_object(), "topic");
        auto data = text_at(item.get_object(), "data");
        if (!topic || !data) return false;
        command.publish.push_back({.topic = std::move(*topic),
                                   .data = std::move(*data),
                                   .event = text_at(item.get_object(), "event").value_or(""),
                                   .key = text_at(item.get_object(), "key").value_or("")});
        return true;
      });
    } else {
      return not_a_command("unknown field");
    }
    if (!good) return not_a_command("a field of the wrong kind");
  }
  return command;
}

/// The fields of one map, by name; others are passed over.
template <class Each>
bool read_map(msgpack::Reader& reader, Each&& each) {
  const auto fields = reader.map();
  if (!fields) return false;
  for (std::uint32_t i = 0; i < *fields; ++i) {
    const auto name = reader.text();
    if (!name || !each(*name)) return false;
  }
  return true;
}

template <class Each>
bool read_each(msgpack::Reader& reader, Each&& each) {
  const auto items = reader.array();
  if (!items) return each();
  for (std::uint32_t i = 0; i < *items; ++i) {
    if (!each()) return false;
  }
  return true;
}

bool read_into(msgpack::Reader& reader, std::string& into) {
  const auto text = reader.text();
  if (text) into = *text;
  return text.has_value();
}

Result<Command> parse_msgpack(std::string_view bytes) {
  msgpack::Reader reader(bytes);
  Command command;
  const bool good = read_map(reader, [&](std::string_view name) {
    if (name == "subscribe") {
      return read_each(reader, [&] {
        Command::Subscribe part;
        if (!read_into(reader, part.topic) && !read_map(reader, [&](std::string_view field) {
              if (field == "topic") return read_into(reader, part.topic);
              if (field != "after") return reader.skip();
              part.after = reader.number();
              return part.after.has_value();
            })) {
          return false;
        }
        command.subscribe.push_back(std::move(part));
        return command.subscribe.size() <= kMaxParts;
      });
    }
    if (name == "unsubscribe") {
      return read_each(reader, [&] {
        return read_into(reader, command.unsubscribe.emplace_back()) && command.unsubscribe.size() <= kMaxParts;
      });
    }
    if (name == "publish") {
      return read_each(reader, [&] {
        Command::Publish& part = command.publish.emplace_back();
        return command.publish.size() <= kMaxParts && read_map(reader, [&](std::string_view field) {
                 if (field == "topic") return read_into(reader, part.topic);
                 if (field == "data") return read_into(reader, part.data);
                 if (field == "event") return read_into(reader, part.event);
                 if (field == "key") return read_into(reader, part.key);
                 return reader.skip();
               });
      });
    }
    return false;
  });
  if (!good || !reader.at_end()) return not_a_command("not the MessagePack map that it should be");
  return command;
}

Result<Command> parse_protobuf(std::string_view bytes) {
  // The library would write a line to standard error for each string that is not UTF-8: clients must not fill our log.
  [[maybe_unused]] static const auto silenced = google::protobuf::SetLogHandler(nullptr);
  wire::Command message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return not_a_command("not the Protobuf message Command");
  Command command;
  for (const auto& part : message.subscribe()) {
    command.subscribe.push_back(
        {.topic = part.topic(), .after = part.has_after() ? std::optional(part.after()) : std::nullopt});
  }
  command.unsubscribe.assign(message.unsubscribe().begin(), message.unsubscribe().end());
  for (const auto& part : message.publish()) {
    command.publish.push_back({.topic = part.topic(), .data = part.data(), .event = part.event(), .key = part.key()});
  }
  return command;
}

}  // namespace

Result<Command> parse_command(PayloadCodec codec, std::string_view bytes) {
  Result<Command> command = codec == PayloadCodec::msgpack    ? parse_msgpack(bytes)
                            : codec == PayloadCodec::protobuf ? parse_protobuf(bytes)
                                                              : parse_json(bytes);
  if (!command) return command;
  if (auto good = check(*command); !good) return std::unexpected(std::move(good.error()));
  return command;
}

}  // namespace fanlight::server::codec
