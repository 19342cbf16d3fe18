// Debug information from a server: Debian's debuginfod on the loopback interface, its cache, the ways to ask nobody.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "collector/symbols/elf_functions.hpp"
#include "collector/symbols/symbols.hpp"
#include "core/fd.hpp"
#include "tests/child.hpp"

namespace fanlight::symbols {
namespace {

namespace fs = std::filesystem;

struct Listener {
  Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::string port;
  Listener() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(socket.get(), 8) != 0 ||
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
      std::abort();
    port = std::to_string(ntohs(address.sin_port));
  }
};

class Debuginfod : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "fanlight-debuginfod-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    world_ = name;
    fs::create_directories(world_ / "root/opt");
    fs::create_directories(world_ / "served");
    fs::copy_file(SAMPLE_STRIPPED, world_ / "root/opt/sample.so");
    fs::copy_file(SAMPLE_DEBUG, world_ / "served/sample.debug");
    ::setenv("DEBUGINFOD_CACHE_PATH", (world_ / "cache").c_str(), 1);
    ::unsetenv("DEBUGINFOD_URLS");
  }
  void TearDown() override {
    ::unsetenv("DEBUGINFOD_URLS");
    fs::remove_all(world_);
  }

  struct Found {
    std::uint64_t files = 0;
    std::uint64_t lines = 0;
  };
  Found look(Fetching fetching = Fetching::as_environment_says) const {
    Symbols symbols(0, world_ / "root", {}, fetching);
    std::vector<std::uint64_t> offsets;  // wherever the linker has put the code
    for (std::uint64_t offset = 0; offset < 0x2000; offset += 4) offsets.push_back(offset);
    Found found;
    for (const Place& place : symbols.places("/opt/sample.so", offsets)) found.lines += place.line > 0;
    found.files = symbols.sources().with;
    return found;
  }
  static std::string build_id() {
    const Fd file{::open(SAMPLE_STRIPPED, O_RDONLY | O_CLOEXEC)};
    const auto hints = read_debug_hints(file.get());
    return hints ? hints->build_id : std::string();
  }

  fs::path world_;
};

TEST_F(Debuginfod, IsAskedCachedAndLeftAlone) {
  if (!fs::exists("/usr/bin/debuginfod")) GTEST_SKIP() << "debuginfod is not installed: scripts/setup";
  const std::string port = Listener().port;
  ::setenv("DEBUGINFOD_URLS", ("http://127.0.0.1:" + port).c_str(), 1);
  EXPECT_EQ(look().files, 0u) << "nobody listens there";
  fs::remove_all(world_ / "cache");
  {
    // The server would ask the servers that its environment names, itself among them.
    ::unsetenv("DEBUGINFOD_URLS");
    testing::Child server({"/usr/bin/debuginfod", "-d", ":memory:", "-p", port, "-F", (world_ / "served").string()});
    // Until it has read the directory it knows nothing, and the client remembers that.
    const std::string url = "http://127.0.0.1:" + port + "/buildid/" + build_id() + "/debuginfo";
    bool ready = false;
    for (int attempt = 0; attempt < 300 && !ready; ++attempt) {
      ready = std::system(("curl -sf -m 5 -o /dev/null " + url).c_str()) == 0;
      if (!ready) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    ASSERT_TRUE(ready) << server.err();
    ::setenv("DEBUGINFOD_URLS", ("http://127.0.0.1:" + port).c_str(), 1);

    EXPECT_EQ(look(Fetching::never).files, 0u);
    EXPECT_FALSE(fs::exists(world_ / "cache")) << "not even looked for";
    const Found fetched = look();
    EXPECT_EQ(fetched.files, 1u);
    EXPECT_GT(fetched.lines, 10u);
    server.signal(SIGTERM);
    server.wait();
  }
  const Found cached = look();
  EXPECT_EQ(cached.files, 1u) << "the server is gone";
  EXPECT_GT(cached.lines, 10u);
  ::unsetenv("DEBUGINFOD_URLS");
  EXPECT_EQ(look().files, 0u);
}

// Ctrl-C does not wait for a server: one that accepts and never answers is left within moments, not at its timeout.
TEST_F(Debuginfod, IsLeftWhenStopped) {
  const Listener silent;
  ::setenv("DEBUGINFOD_URLS", ("http://127.0.0.1:" + silent.port).c_str(), 1);
  ::setenv("DEBUGINFOD_TIMEOUT", "600", 1);
  Symbols symbols(0, world_ / "root");
  std::thread looking([&] { symbols.places("/opt/sample.so", std::vector<std::uint64_t>{0x1000}); });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  symbols.stop_fetching();
  looking.join();  // the test's own timeout is 60 s
  EXPECT_EQ(symbols.sources().with, 0u);
  ::unsetenv("DEBUGINFOD_TIMEOUT");
}

}  // namespace
}  // namespace fanlight::symbols
