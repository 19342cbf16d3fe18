#include "server/net/route.hpp"

#include <gtest/gtest.h>

#include <string>

namespace fanlight::server::net {
namespace {

TEST(Route, Table) {
  struct Case {
    const char* method;
    std::string target;
    Endpoint endpoint;
    std::string topic = {};
    std::string allowed = {};
  };
  for (const Case& c : {
           Case{"GET", "/sse/news", Endpoint::subscribe_sse, "news"},
           Case{"GET", "/ws/news", Endpoint::subscribe_websocket, "news"},
           Case{"POST", "/topics/a.b_c-9", Endpoint::publish, "a.b_c-9"},
           Case{"GET", "/metrics", Endpoint::metrics},
           Case{"HEAD", "/metrics", Endpoint::metrics},
           Case{"GET", "/healthz", Endpoint::healthz},
           Case{"GET", "/sse/news?since=3", Endpoint::subscribe_sse, "news"},
           Case{"GET", "/healthz?", Endpoint::healthz},
           Case{"GET", "http://host:80/sse/news", Endpoint::subscribe_sse, "news"},
           Case{"GET", "http://host", Endpoint::page},
           Case{"GET", "/", Endpoint::page},
           Case{"GET", "/ws", Endpoint::converse},
           Case{"GET", "/admin", Endpoint::admin},
           Case{"GET", "/echo", Endpoint::echo},
           Case{"GET", "", Endpoint::not_found},
           Case{"GET", "*", Endpoint::not_found},
           Case{"GET", "/sse", Endpoint::not_found},
           Case{"GET", "/SSE/news", Endpoint::not_found},
           Case{"GET", "/metrics/", Endpoint::not_found},
           Case{"GET", "/sse/", Endpoint::bad_topic},
           Case{"GET", "/sse/a/b", Endpoint::bad_topic},
           Case{"GET", "/ws/../etc", Endpoint::bad_topic},
           Case{"POST", "/topics/" + std::string(129, 'a'), Endpoint::bad_topic},
           Case{"POST", "/topics/a%20b", Endpoint::bad_topic},
           Case{"POST", "/sse/news", Endpoint::wrong_method, "", "GET"},
           Case{"HEAD", "/sse/news", Endpoint::wrong_method, "", "GET"},
           Case{"GET", "/topics/news", Endpoint::presence, "news"},
           Case{"GET", "/topics/news/snapshot", Endpoint::snapshot, "news"},
           Case{"GET", "/topics/snapshot", Endpoint::presence, "snapshot"},
           Case{"GET", "/topics/a/b/snapshot", Endpoint::bad_topic, ""},
           Case{"POST", "/topics/news/snapshot", Endpoint::bad_topic, ""},
           Case{"OPTIONS", "/topics/news", Endpoint::preflight},
           Case{"PUT", "/topics/news", Endpoint::wrong_method, "", "GET, POST"},
           Case{"DELETE", "/ws/news", Endpoint::wrong_method, "", "GET"},
           Case{"POST", "/metrics", Endpoint::wrong_method, "", "GET, HEAD"},
           Case{"BREW", "/healthz", Endpoint::wrong_method, "", "GET, HEAD"},
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
