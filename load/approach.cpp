#include "load/approach.hpp"

#include <array>
#include <set>

#include "load/nats.hpp"
#include "load/redis.hpp"

namespace fanlight::load {
namespace {

struct Adapter {
  std::string_view name;
  std::string_view subscribe;  // path of SSE; WebSocket's where it differs
  std::string_view websocket;
  std::string_view publish;
};
constexpr std::array<Adapter, 4> kAdapters{{{"fanlight", "/sse/{topic}", "/ws/{topic}", "/topics/{topic}"},
                                            {"nchan", "/sub/{topic}", "/sub/{topic}", "/pub/{topic}"},
                                            {"redis", "", "", ""},
                                            {"nats", "", "", ""}}};

/// "http" and "https" for HTTP, "ws" and "wss" for WebSocket: whichever was written means the same.
std::string family(std::string_view scheme) {
  if (scheme == "http" || scheme == "https" || scheme == "ws" || scheme == "wss") return "http";
  if (scheme == "rediss") return "redis";
  return scheme == "tls" ? "nats" : std::string(scheme);
}

Result<Url> parse_for(const char* option, const std::string& text, const std::string& topic) {
  auto url = parse_url(expand(text, topic));
  if (!url) return within(option, std::move(url.error()));
  return url;
}

/// The base URL with a path of the adapter.
Result<Url> adapted(const Plan& plan, std::string_view Adapter::* path) {
  auto url = parse_for("--url", plan.url, plan.topic);
  if (!url) return url;
  for (const Adapter& adapter : kAdapters) {
    if (adapter.name != plan.adapter || (adapter.*path).empty()) continue;
    if (url->path != "/")
      return fail(0, "--url " + plan.url + ": the paths are --adapter " + plan.adapter + "'s",
                  "give the server alone, or --sse-url, --ws-url and --publish with paths");
    url->path = expand(adapter.*path, plan.topic);
  }
  return url;
}

std::string odd_fields() {
  std::string out;
  for (int i = 0; i < 100; ++i)
    out +=
        "x-FaN-" + std::to_string(i) +
        (i % 3 == 0   ? ":"
         : i % 3 == 1 ? ": \t"
                      : ":  ") +
        (i % 5 == 0 ? std::string() : std::string(static_cast<std::size_t>(10 + i), 'a' + static_cast<char>(i % 26))) +
        (i % 2 == 0 ? " \t" : "") + "\r\n";
  return out;
}

std::string shape_fields(Headers shape) {
  switch (shape) {
    case Headers::minimal: return {};
    case Headers::usual:
    case Headers::dribble: return "User-Agent: fanlight-load\r\nCache-Control: no-cache\r\n";
    case Headers::browser:
      // As a browser writes them, but for the coding: what is compressed we could not read.
      return "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 "
             "Safari/537.36\r\nAccept-Language: en-GB,en;q=0.9,de;q=0.8\r\nAccept-Encoding: identity;q=1.0, *;q=0\r\n"
             "Cache-Control: no-cache\r\nPragma: no-cache\r\nDNT: 1\r\nReferer: http://localhost/board/index.html\r\n"
             "sec-ch-ua: \"Chromium\";v=\"142\", \"Not_A Brand\";v=\"99\"\r\nsec-ch-ua-mobile: ?0\r\n"
             "sec-ch-ua-platform: \"Linux\"\r\nSec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\n"
             "Sec-Fetch-Site: same-origin\r\nCookie: session=0123456789abcdef0123456789abcdef; theme=dark; "
             "_id=GA1.2.1\r\n";
    case Headers::large: return "User-Agent: fanlight-load\r\nCookie: blob=" + std::string(6144, 'c') + "\r\n";
    case Headers::absurd: return odd_fields();
  }
  return {};
}

}  // namespace

Result<Url> subscribe_url(const Plan& plan, Protocol protocol) {
  const std::string& given = plan.urls.of(protocol);
  const std::string option = "--" + std::string(name_of(protocol)) + "-url";
  auto url = !given.empty()
                 ? parse_for(option.c_str(), given, plan.topic)
                 : adapted(plan, protocol == Protocol::websocket ? &Adapter::websocket : &Adapter::subscribe);
  if (!url) return url;
  const std::string wanted = protocol == Protocol::redis ? "redis" : protocol == Protocol::nats ? "nats" : "http";
  if (family(url->scheme) != wanted)
    return fail(
        0, std::string(title_of(protocol)) + " subscribers need a URL of " + wanted + ", not '" + url->scheme + "'",
        "see " + option + " and --adapter");
  return url;
}

Result<Url> publish_url(const Plan& plan) {
  return plan.urls.publish.empty() ? adapted(plan, &Adapter::publish)
                                   : parse_for("--publish", plan.urls.publish, plan.topic);
}

std::string publish_words(const Plan& plan) { return plan.urls.publish.empty() ? plan.url : plan.urls.publish; }

std::string subscribe_words(const Plan& plan) {
  std::string words;
  std::set<std::string> said;
  for (const Group& group : plan.groups) {
    const std::string& given = plan.urls.of(group.protocol);
    const std::string& where = given.empty() ? plan.url : given;
    if (said.insert(where).second) words += (words.empty() ? "" : " and ") + where;
  }
  return words;
}

std::string extra_fields(const Plan& plan) {
  std::string out;
  for (const auto& [name, value] : plan.headers) out += name + ": " + value + "\r\n";
  if (!plan.token.empty()) out += "Authorization: Bearer " + plan.token + "\r\n";
  return out;
}

Result<Approach> make_approach(const Plan& plan, const Group& group, SSL_CTX* tls) {
  auto url = subscribe_url(plan, group.protocol);
  if (!url) return std::unexpected(std::move(url.error()));
  auto endpoint = resolve(std::move(*url));
  if (!endpoint) return std::unexpected(std::move(endpoint.error()));
  auto sources = sources_of(plan.sources);
  if (!sources) return std::unexpected(std::move(sources.error()));
  Approach approach{
      group.protocol,      group.profile, std::move(*endpoint),   plan.topic, plan.token, plan.subprotocol, {},
      std::move(*sources), nullptr,       !plan.security.insecure};
  const Url& where = approach.endpoint.url;
  if (where.tls()) approach.tls = tls;
  std::string& out = approach.request;
  switch (group.protocol) {
    case Protocol::sse:
      out = "GET " + where.path + " HTTP/1.1\r\nHost: " + where.authority + "\r\nAccept: text/event-stream\r\n";
      break;
    case Protocol::websocket:
      out = "GET " + where.path + " HTTP/1.1\r\nHost: " + where.authority +
            "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
      if (!plan.subprotocol.empty()) out += "Sec-WebSocket-Protocol: " + plan.subprotocol + "\r\n";
      break;
    case Protocol::redis:
      if (!plan.token.empty()) out = redis_command({"AUTH", plan.token});
      out += redis_command({"SUBSCRIBE", plan.topic});
      return approach;
    case Protocol::nats:
      out = nats_connect(plan.token, false, where.tls()) + "SUB " + plan.topic + " 1\r\nPING\r\n";
      return approach;
  }
  out += shape_fields(group.profile.headers) + extra_fields(plan);
  return approach;
}

}  // namespace fanlight::load
