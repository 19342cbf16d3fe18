// The page that the server answers "/" with.
#pragma once

#include <string_view>

namespace fanlight::server::net {

/// Subscribes by EventSource and by WebSocket and plots what arrives; one file, no build step, nothing from elsewhere.
std::string_view page_html();

}  // namespace fanlight::server::net
