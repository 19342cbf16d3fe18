#include "server/net/route.hpp"

#include <gtest/gtest.h>

#include <string>

namespace fanlight::server::net {
namespace {

using boost::beast::http::verb;

TEST(Route, Table) {
  struct Case {
    verb method;
    std::string target;
    Endpoint endpoint;
    std::string topic = {};
    std::string allowed = {};
  };
  for (const Case& c : {
           Case{verb::get, "/sse/news", Endpoint::subscribe_sse, "news"},
           Case{verb::get, "/ws/news", Endpoint::subscribe_websocket, "news"},
           Case{verb::post, "/topics/a.b_c-9", Endpoint::publish, "a.b_c-9"},
           Case{verb::get, "/metrics", Endpoint::metrics},
           Case{verb::head, "/metrics", Endpoint::metrics},
           Case{verb::get, "/healthz", Endpoint::healthz},
           Case{verb::get, "/sse/news?since=3", Endpoint::subscribe_sse, "news"},
           Case{verb::get, "/healthz?", Endpoint::healthz},
           Case{verb::get, "http://host:80/sse/news", Endpoint::subscribe_sse, "news"},
           Case{verb::get, "http://host", Endpoint::not_found},
           Case{verb::get, "/", Endpoint::not_found},
           Case{verb::get, "", Endpoint::not_found},
           Case{verb::get, "*", Endpoint::not_found},
           Case{verb::get, "/sse", Endpoint::not_found},
           Case{verb::get, "/SSE/news", Endpoint::not_found},
           Case{verb::get, "/metrics/", Endpoint::not_found},
           Case{verb::get, "/sse/", Endpoint::bad_topic},
           Case{verb::get, "/sse/a/b", Endpoint::bad_topic},
           Case{verb::get, "/ws/../etc", Endpoint::bad_topic},
           Case{verb::post, "/topics/" + std::string(129, 'a'), Endpoint::bad_topic},
           Case{verb::post, "/topics/a%20b", Endpoint::bad_topic},
           Case{verb::post, "/sse/news", Endpoint::wrong_method, "", "GET"},
           Case{verb::head, "/sse/news", Endpoint::wrong_method, "", "GET"},
           Case{verb::get, "/topics/news", Endpoint::wrong_method, "", "POST"},
           Case{verb::delete_, "/ws/news", Endpoint::wrong_method, "", "GET"},
           Case{verb::post, "/metrics", Endpoint::wrong_method, "", "GET, HEAD"},
           Case{verb::unknown, "/healthz", Endpoint::wrong_method, "", "GET, HEAD"},
       }) {
    SCOPED_TRACE(c.target);
    const Route route = route_of(c.method, c.target);
    EXPECT_EQ(route.endpoint, c.endpoint);
    EXPECT_EQ(route.topic, c.topic);
    EXPECT_EQ(route.allowed, c.allowed);
  }
}

}  // namespace
}  // namespace fanlight::server::net
