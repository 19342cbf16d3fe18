#include "collector/wire/wire.hpp"

#include <utility>

#include "collector/wire/message.hpp"

namespace fanlight::wire {
namespace {

template <class Message>
Result<> parse(Message& message, std::string_view bytes, const char* what) {
  if (bytes.size() > kMaxBytes) return fail(0, std::string(what) + " of " + std::to_string(bytes.size()) + " bytes");
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(0, std::string("these ") + std::to_string(bytes.size()) + " bytes are no " + what);
  }
  return {};
}

Result<> check_version(std::uint32_t version) {
  if (version == kVersion) return {};
  return fail(0,
              "live feed of version " + std::to_string(version) + ", this program speaks " + std::to_string(kVersion),
              "run the same release of fanlight on both ends");
}

}  // namespace

std::string encode(const profile::Profile& profile) {
  proto::Profile message;
  fill(message, profile);
  return message.SerializeAsString();
}

Result<profile::Profile> decode(std::string_view bytes) {
  proto::Profile message;
  if (auto parsed = parse(message, bytes, "profile"); !parsed) return std::unexpected(parsed.error());
  return profile_from(message);
}

std::string encode_request(const Request& request) {
  proto::Request message;
  message.set_version(kVersion);
  message.set_id(request.id);
  message.set_from_ns(request.from_ns);
  message.set_to_ns(request.to_ns);
  return message.SerializeAsString();
}

Result<Request> decode_request(std::string_view bytes) {
  proto::Request message;
  if (auto parsed = parse(message, bytes, "request"); !parsed) return std::unexpected(parsed.error());
  if (auto known = check_version(message.version()); !known) return std::unexpected(known.error());
  return Request{message.id(), message.from_ns(), message.to_ns()};
}

std::string encode_reply(std::uint64_t id, const profile::Profile& profile) {
  proto::Reply message;
  message.set_version(kVersion);
  message.set_id(id);
  fill(*message.mutable_profile(), profile);
  return message.SerializeAsString();
}

std::string encode_reply(const Reply& reply) {
  if (const auto* profile = std::get_if<profile::Profile>(&reply.answer)) return encode_reply(reply.id, *profile);
  proto::Reply message;
  message.set_version(kVersion);
  message.set_id(reply.id);
  message.set_error(std::get<std::string>(reply.answer));
  return message.SerializeAsString();
}

Result<Reply> decode_reply(std::string_view bytes) {
  proto::Reply message;
  if (auto parsed = parse(message, bytes, "reply"); !parsed) return std::unexpected(parsed.error());
  if (auto known = check_version(message.version()); !known) return std::unexpected(known.error());
  if (message.has_error()) return Reply{message.id(), message.error()};
  if (!message.has_profile()) return fail(0, "reply without an answer");
  auto profile = profile_from(message.profile());
  if (!profile) return std::unexpected(profile.error());
  return Reply{message.id(), std::move(*profile)};
}

}  // namespace fanlight::wire
