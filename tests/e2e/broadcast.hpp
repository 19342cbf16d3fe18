// The whole of Fanlight on one machine: a server, its subscribers, a recorder. In: sizes. Out: running programs.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "tests/child.hpp"

namespace fanlight::testing {

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// A directory of its own below the build tree, emptied first.
inline std::filesystem::path scratch(const std::string& name) {
  const std::filesystem::path directory = std::filesystem::path(FANLIGHT_BINARY_DIR) / "e2e" / name;
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  return directory;
}

/// Runs `fanlight` to its end and returns what it printed. Anything but `expected_code` fails the test.
inline std::string fanlight(std::vector<std::string> arguments, int expected_code = 0) {
  arguments.insert(arguments.begin(), FANLIGHT_CLI);
  std::string line;
  for (const std::string& word : arguments) line += word + " ";
  Child child(std::move(arguments));
  child.close_stdin();
  EXPECT_EQ(child.wait(), expected_code) << line << "\n" << child.err();
  return child.out();
}

inline boost::json::object report_of(const std::filesystem::path& recording) {
  return boost::json::parse(fanlight({"report", recording.string(), "--json"})).as_object();
}

/// The body of GET `path` on 127.0.0.1; empty when nobody answers.
inline std::string http_get(const std::string& port, const std::string& path) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{.sin_family = AF_INET,
                      .sin_port = htons(static_cast<std::uint16_t>(std::stoi(port))),
                      .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return {};
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1:" + port + "\r\nConnection: close\r\n\r\n";
  if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return {};
  std::string answer;
  char part[65536];
  for (ssize_t got; (got = ::recv(socket.get(), part, sizeof part, 0)) > 0;)
    answer.append(part, static_cast<std::size_t>(got));
  const std::size_t body = answer.find("\r\n\r\n");
  return body == std::string::npos ? std::string() : answer.substr(body + 4);
}

/// The sum over all labels of one metric on a Prometheus page.
inline double metric_sum(const std::string& page, const std::string& name) {
  double sum = 0;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + "{") || line.starts_with(name + " "))
      sum += std::stod(line.substr(line.rfind(' ') + 1));
  }
  return sum;
}

/// A server on a free port with subscribers that receive `rate` messages a second for `seconds`.
struct Broadcast {
  Broadcast(unsigned subscribers, unsigned rate, unsigned seconds)
      : server({FANLIGHT_SERVER, "--listen", "127.0.0.1:0"}), port(port_of(server)), url("http://127.0.0.1:" + port) {
    const std::string half = std::to_string(subscribers / 2);
    load.emplace(std::vector<std::string>{FANLIGHT_LOAD, "--url", url, "--sse", half, "--ws", half, "--rate",
                                          std::to_string(rate), "--size", "128", "--for",
                                          std::to_string(seconds) + "s"});
    // Every subscriber is there and the first messages are on their way.
    for (int i = 0; i < 1000 && deliveries() < 10.0 * subscribers && load->running(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_GE(deliveries(), 10.0 * subscribers) << load->err() << server.err();
  }
  double deliveries() const { return metric_sum(http_get(port, "/metrics"), "fanlight_server_deliveries_total"); }
  static std::string port_of(Child& server) {
    const std::string where = server.await("listening on http://127.0.0.1:");
    EXPECT_FALSE(where.empty()) << server.err();
    return where.substr(0, where.find_first_not_of("0123456789"));
  }

  Child server;
  std::string port;
  std::string url;
  std::optional<Child> load;
};

}  // namespace fanlight::testing
