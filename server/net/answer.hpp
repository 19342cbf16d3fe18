// Answers of one piece. In: a status and a body. Out: bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/net/refusal.hpp"

namespace fanlight::server::net {

inline constexpr std::string_view kJson = "application/json";

struct Answer {
  unsigned status = 200;
  std::string_view type = kJson;
  std::string body;
  std::string headers;             // more of them, each with its line end
  std::optional<Refusal> refusal;  // what it is counted by; of every status from 400 on
};

/// {"error":"...","hint":"..."}.
Answer problem(Refusal cause, unsigned status, std::string_view error, std::string_view hint);

/// HTTP/1.1. `head_only`: without the body, as HEAD wants it.
std::string text_of(const Answer& answer, bool keep, bool head_only = false);

}  // namespace fanlight::server::net
