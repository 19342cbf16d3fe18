#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <string>
#include <vector>

#include "server/limits/access.hpp"
#include "server/limits/addresses.hpp"
#include "server/limits/breaker.hpp"
#include "server/limits/negative_cache.hpp"
#include "server/limits/retry_advice.hpp"
#include "server/limits/token_bucket.hpp"

namespace fanlight::server::limits {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

TEST(TokenBucket, BurstThenRate) {
  TokenBucket bucket;
  const Rate rate{.per_second = 100, .burst = 200};
  int taken = 0;
  for (int i = 0; i < 1000; ++i) taken += bucket.take(rate, kSecond) ? 1 : 0;
  EXPECT_EQ(taken, 200);
  EXPECT_FALSE(bucket.take(rate, kSecond + 9'000'000));
  EXPECT_TRUE(bucket.take(rate, kSecond + 10'000'000)) << "one per 10 ms";
  taken = 0;
  for (int i = 0; i < 1000; ++i) taken += bucket.take(rate, 100 * kSecond) ? 1 : 0;
  EXPECT_EQ(taken, 200) << "no more than the burst, however long it was quiet";
  EXPECT_FALSE(bucket.take(rate, kSecond)) << "a clock that steps back gives nothing";
  TokenBucket unlimited;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(unlimited.take({}, 0));
}

sockaddr_storage peer(const char* text) {
  sockaddr_storage storage{};
  if (std::string(text).find(':') == std::string::npos) {
    auto& in = reinterpret_cast<sockaddr_in&>(storage);
    in.sin_family = AF_INET;
    EXPECT_EQ(::inet_pton(AF_INET, text, &in.sin_addr), 1);
  } else {
    auto& in6 = reinterpret_cast<sockaddr_in6&>(storage);
    in6.sin6_family = AF_INET6;
    EXPECT_EQ(::inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
  }
  return storage;
}

TEST(Addresses, CountAndRateEachOne) {
  Addresses addresses;
  const AddressLimits limits{.connections = 2, .accepts = {.per_second = 10, .burst = 3}};
  Address* first = nullptr;
  Address* again = nullptr;
  using Verdict = Addresses::Verdict;
  EXPECT_EQ(addresses.admit(peer("127.0.0.1"), limits, kSecond, first), Verdict::welcome);
  EXPECT_EQ(addresses.admit(peer("127.0.0.1"), limits, kSecond, again), Verdict::welcome);
  EXPECT_EQ(first, again);
  Address* none = nullptr;
  EXPECT_EQ(addresses.admit(peer("127.0.0.1"), limits, kSecond, none), Verdict::too_many);
  EXPECT_EQ(none, nullptr);
  EXPECT_EQ(addresses.admit(peer("127.0.0.2"), limits, kSecond, none), Verdict::welcome) << "another address";
  first->release(kSecond);
  first->release(kSecond);
  EXPECT_EQ(addresses.admit(peer("127.0.0.1"), limits, kSecond, again), Verdict::welcome);
  again->release(kSecond);
  EXPECT_EQ(addresses.admit(peer("127.0.0.1"), limits, kSecond, again), Verdict::too_fast) << "the burst is used up";
  EXPECT_EQ(addresses.admit(peer("127.0.0.1"), limits, 2 * kSecond, again), Verdict::welcome);
}

TEST(Addresses, AnIpv6ClientIsItsNetwork) {
  Addresses addresses;
  Address* a = nullptr;
  Address* b = nullptr;
  addresses.admit(peer("2001:db8:1:2::1"), {}, 1, a);
  addresses.admit(peer("2001:db8:1:2:ffff::9"), {}, 1, b);
  EXPECT_EQ(a, b);
  addresses.admit(peer("2001:db8:1:3::1"), {}, 1, b);
  EXPECT_NE(a, b);
}

TEST(Addresses, AreForgottenWhenNobodyHoldsThem) {
  Addresses addresses;
  std::vector<Address*> held;
  for (unsigned i = 0; i < 5000; ++i) {
    sockaddr_storage storage{};
    auto& in = reinterpret_cast<sockaddr_in&>(storage);
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(0x0A000000u + i);
    Address* address = nullptr;
    ASSERT_EQ(addresses.admit(storage, {}, i * kSecond, address), Addresses::Verdict::welcome);
    if (i == 0) continue;  // stays connected
    address->release(i * kSecond);
  }
  EXPECT_LT(addresses.size(), 2100u);
}

TEST(RetryAdvice, FollowsTheAcceptRateAndSpreads) {
  RetryAdvice advice(100);
  const auto near = [](std::chrono::milliseconds wait, std::chrono::milliseconds base) {
    return wait >= base * 4 / 5 && wait <= base * 6 / 5;
  };
  EXPECT_TRUE(near(advice.next(kSecond, false), RetryAdvice::kNormal));
  std::uint64_t now = kSecond;
  for (int i = 0; i < 2000; ++i) advice.accepted(now += kSecond / 1000);
  EXPECT_NEAR(advice.rate(now), 1000, 400);
  EXPECT_TRUE(near(advice.next(now, false), RetryAdvice::kSurge)) << "a thousand a second";
  EXPECT_TRUE(near(advice.next(now, true), RetryAdvice::kMaintenance));
  EXPECT_TRUE(near(advice.next(now + 20 * kSecond, false), RetryAdvice::kNormal)) << "the storm is over";
  std::int64_t lowest = 1 << 20, highest = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::int64_t wait = advice.next(now + 20 * kSecond, false).count();
    lowest = std::min(lowest, wait);
    highest = std::max(highest, wait);
  }
  EXPECT_LT(lowest, 2500);
  EXPECT_GT(highest, 3500);
}

/// A downstream that fails when told to.
TEST(Breaker, OpensHalfOpensAndCloses) {
  Breaker breaker({.failures = 3, .successes = 2, .pause_ns = kSecond});
  using State = Breaker::State;
  struct Step {
    std::uint64_t now_ns;
    bool good;
    bool tried;
    State after;
  };
  for (const Step& step :
       {Step{1, false, true, State::closed}, Step{2, true, true, State::closed}, Step{3, false, true, State::closed},
        Step{4, false, true, State::closed}, Step{5, false, true, State::open}, Step{6, true, false, State::open},
        Step{5 + kSecond, false, true, State::open}, Step{6 + kSecond, true, false, State::open},
        Step{6 + 2 * kSecond, true, true, State::half_open}, Step{7 + 2 * kSecond, true, true, State::closed}}) {
    SCOPED_TRACE(step.now_ns);
    const bool tried = breaker.allow(step.now_ns);
    EXPECT_EQ(tried, step.tried);
    if (tried) breaker.report(step.good, step.now_ns);
    EXPECT_EQ(breaker.state(), step.after);
  }
  EXPECT_EQ(breaker.opened(), 2u);
  EXPECT_EQ(breaker.refused(), 2u);
}

TEST(Breaker, HalfOpenTriesOneAtATime) {
  Breaker breaker({.failures = 1, .successes = 1, .pause_ns = 10});
  EXPECT_TRUE(breaker.allow(0));
  breaker.report(false, 0);
  EXPECT_TRUE(breaker.allow(10));
  EXPECT_FALSE(breaker.allow(11)) << "one is under way";
  breaker.report(true, 12);
  EXPECT_EQ(breaker.state(), Breaker::State::closed);
}

TEST(NegativeCache, ForgetsByTimeAndSize) {
  NegativeCache cache(2, 100);
  cache.add("a", 0);
  cache.add("b", 50);
  EXPECT_TRUE(cache.contains("a", 99));
  EXPECT_FALSE(cache.contains("a", 100));
  EXPECT_TRUE(cache.contains("b", 100));
  cache.add("c", 100);
  cache.add("d", 101);
  EXPECT_FALSE(cache.contains("b", 102)) << "the oldest goes first";
  cache.remove("d");
  EXPECT_FALSE(cache.contains("d", 102));
  EXPECT_EQ(cache.hits(), 2u);
}

TEST(Access, TokensTable) {
  const std::int64_t now = 1'800'000'000;
  const std::string key = "secret key";
  const auto jwt = [&](const std::string& claims) { return make_jwt(key, claims); };
  const AccessOptions open;
  const AccessOptions fixed{.publish_token = "pub", .subscribe_token = "sub"};
  const AccessOptions signed_only{.jwt_key = key};
  struct Case {
    const char* name;
    const AccessOptions& options;
    Right right;
    std::string token;
    bool allowed;
  };
  const std::string good = jwt(R"({"subscribe":["news","prices*"],"exp":1800000100})");
  for (const Case& c : {
           Case{"nothing configured", open, Right::publish, "", true},
           Case{"fixed", fixed, Right::publish, "pub", true},
           Case{"the other right's", fixed, Right::publish, "sub", false},
           Case{"none", fixed, Right::subscribe, "", false},
           Case{"a beginning of it", fixed, Right::subscribe, "su", false},
           Case{"jwt", signed_only, Right::subscribe, good, true},
           Case{"jwt without that claim", signed_only, Right::publish, good, false},
           Case{"jwt of another topic", signed_only, Right::subscribe, jwt(R"({"subscribe":["other"]})"), false},
           Case{"jwt with a pattern", signed_only, Right::subscribe, jwt(R"({"subscribe":["ne*"]})"), true},
           Case{"expired", signed_only, Right::subscribe, jwt(R"({"subscribe":["*"],"exp":1800000000})"), false},
           Case{"not yet", signed_only, Right::subscribe, jwt(R"({"subscribe":["*"],"nbf":1800000001})"), false},
           Case{"from now on", signed_only, Right::subscribe, jwt(R"({"subscribe":["*"],"nbf":1800000000})"), true},
           Case{"exp not a number", signed_only, Right::subscribe, jwt(R"({"subscribe":["*"],"exp":"x"})"), false},
           Case{"claim not an array", signed_only, Right::subscribe, jwt(R"({"subscribe":"*"})"), false},
           Case{"claims not an object", signed_only, Right::subscribe, jwt("[]"), false},
           Case{"wrong key", signed_only, Right::subscribe, make_jwt("other", R"({"subscribe":["*"]})"), false},
           Case{"changed", signed_only, Right::subscribe, "x" + good, false},
           Case{"alg none", signed_only, Right::subscribe, "eyJhbGciOiJub25lIn0.eyJzdWJzY3JpYmUiOlsiKiJdfQ.", false},
           Case{"dots only", signed_only, Right::subscribe, "..", false},
           Case{"not base64", signed_only, Right::subscribe, "!.!.!", false},
           Case{"huge", signed_only, Right::subscribe, std::string(10'000, 'a'), false},
       }) {
    SCOPED_TRACE(c.name);
    const auto result = check_access(c.options, c.right, c.token, "news", now);
    EXPECT_EQ(result.has_value(), c.allowed);
    EXPECT_TRUE(result || !result.error().hint.empty());
  }
}

TEST(Access, OriginsTable) {
  AccessOptions options;
  EXPECT_TRUE(origin_allowed(options, "https://anywhere", "here"));
  options.origins = {"https://good.example", "self"};
  EXPECT_TRUE(origin_allowed(options, "https://good.example", "here:8080"));
  EXPECT_TRUE(origin_allowed(options, "http://here:8080", "here:8080"));
  EXPECT_TRUE(origin_allowed(options, "", "here:8080")) << "not a browser";
  EXPECT_FALSE(origin_allowed(options, "https://good.example.evil", "here:8080"));
  EXPECT_FALSE(origin_allowed(options, "null", "here:8080"));
  EXPECT_FALSE(origin_allowed(options, "http://here", "here:8080"));
}

}  // namespace
}  // namespace fanlight::server::limits
