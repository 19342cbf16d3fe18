// Who may ask. In: the Host and Origin headers of a request. Out: yes or no.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fanlight::serve {

/// True when `host` names this server by a loopback name or by the address it listens on, with its port, and `origin`
/// is empty or the same site. On a wildcard address any host is ours: the token, which no other site has, keeps the
/// door. A browser that was led here by a foreign name (DNS rebinding) fails this test. Source: fetch.spec.whatwg.org,
/// "Origin header"; RFC 9112 3.2 for Host.
bool may_ask(std::string_view host, std::string_view origin, std::string_view address, std::uint16_t port,
             bool tls = false);

}  // namespace fanlight::serve
