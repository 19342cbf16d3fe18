#include "fanlight/asio.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace fanlight::inprocess {
namespace {

using namespace std::chrono_literals;

/// The bytes of the calling thread's labels, which one program compares with each other.
std::string now() {
  fanlight_thread_context context;
  const std::size_t bytes = fanlight_context_save(&context);
  return bytes == 0 ? std::string() : std::string(reinterpret_cast<const char*>(context.attributes), bytes - 28);
}

/// Those of a thread that has this label and no other.
std::string labelled(const char* key, const char* value) {
  const LabelsOf none(LabelSnapshot{});
  const Label label{key, value};
  return now();
}

struct Loop {
  asio::io_context context;
  LabelledExecutor<asio::io_context::executor_type> executor{context.get_executor()};
};

TEST(LabelledExecutor, PostedHandlersHaveTheirPostersLabels) {
  Loop loop;
  std::string seen, bare = "not run";
  {
    const Label topic{"topic", "news"};
    asio::post(loop.executor, [&] { seen = now(); });
  }
  asio::post(loop.executor, [&] { bare = now(); });
  {
    const Label own{"worker", "1"};
    std::thread([&] {
      const Label own_of_thread{"worker", "2"};
      loop.context.run();
      EXPECT_EQ(now(), labelled("worker", "2")) << "and the thread has its own again";
    }).join();
  }
  EXPECT_EQ(seen, labelled("topic", "news"));
  EXPECT_EQ(bare, "");
}

TEST(LabelledExecutor, CompletionsHaveTheLabelsOfWhoeverBegan) {
  Loop loop;
  asio::steady_timer timer(loop.context, 5ms);
  std::string seen;
  {
    const Label topic{"topic", "sport"};
    timer.async_wait(asio::bind_executor(loop.executor, [&](const auto&) { seen = now(); }));
  }
  const Label other{"other", "label"};
  loop.context.run();
  EXPECT_EQ(seen, labelled("topic", "sport"));
}

asio::awaitable<void> hop(std::string name, std::vector<std::string>& wrong, std::set<std::thread::id>& threads) {
  using Timer = asio::steady_timer;
  const Label topic{"topic", name};
  const std::string outer = now();
  for (int i = 0; i < 20; ++i) {
    Timer timer(co_await asio::this_coro::executor, 1ms);
    {
      const Label stage{"stage", "waiting"};
      const std::string inner = now();
      co_await timer.async_wait(asio::use_awaitable);
      if (now() != inner) wrong.push_back(name + ": within");
    }
    if (now() != outer) wrong.push_back(name + ": after");
    threads.insert(std::this_thread::get_id());
  }
}

TEST(LabelledExecutor, CoroutinesKeepTheirsFromThreadToThread) {
  Loop loop;
  constexpr int kCoroutines = 8;
  std::vector<std::vector<std::string>> wrong(kCoroutines);
  std::vector<std::set<std::thread::id>> threads(kCoroutines);
  for (int i = 0; i < kCoroutines; ++i)
    asio::co_spawn(loop.executor, hop("coroutine " + std::to_string(i), wrong[i], threads[i]), asio::detached);
  std::vector<std::thread> runners;
  for (int i = 0; i < 3; ++i)
    runners.emplace_back([&] {
      loop.context.run();
      EXPECT_EQ(now(), "");
    });
  for (std::thread& runner : runners) runner.join();
  for (const auto& each : wrong) EXPECT_EQ(each, std::vector<std::string>{});
}

}  // namespace
}  // namespace fanlight::inprocess
