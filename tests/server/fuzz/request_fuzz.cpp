// Fuzzes the head of a request, and where it leads. Property: views stay inside the input, and the end is where it
// says.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/codec/deflate.hpp"
#include "server/codec/request_head.hpp"
#include "server/net/route.hpp"
#include "server/net/target.hpp"

using namespace fanlight::server;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  codec::RequestHead head;
  const codec::HeadResult result = codec::parse_head(text, head);
  if (result.kind != codec::HeadResult::Kind::complete) return 0;
  if (result.bytes > size || !text.substr(0, result.bytes).ends_with("\r\n\r\n")) std::abort();
  for (const std::string_view value : head.headers) {
    if (!value.empty() && (value.data() < text.data() || value.data() + value.size() > text.data() + size))
      std::abort();
    codec::has_token(value, "upgrade");
    codec::negotiate_deflate(value);
    net::parse_id(value);
  }
  net::route_of(head.method, head.target);
  net::query_value(head.target, "token");
  return 0;
}
