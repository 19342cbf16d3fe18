#include "server/cli/log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <ctime>

#include "server/codec/envelope.hpp"

namespace fanlight::server::cli {
namespace {

/// UTC, to the millisecond. Source: RFC 3339.
std::string timestamp() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &parts);
  std::string millis = std::to_string(ms % 1000);
  millis.insert(0, 3 - millis.size(), '0');
  return std::string(text, size) + millis + "Z";
}

}  // namespace

Result<Log> Log::open(const LogOptions& options) {
  Fd file;
  if (!options.file.empty()) {
    file = Fd(::open(options.file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
    if (!file) return fail(errno, "open the log " + options.file, "--log takes a file in a directory that exists");
  }
  return Log(std::move(file), options.json);
}

void Log::say(std::string_view event, std::string_view words, Fields fields) {
  std::string line;
  if (json_) {
    line = "{\"time\":\"" + timestamp() + "\",\"event\":";
    codec::append_json_string(line, event);
    line += ",\"message\":";
    codec::append_json_string(line, words);
    for (const auto& [name, value] : fields) {
      line += ',';
      codec::append_json_string(line, name);
      line += ':';
      codec::append_json_string(line, value);
    }
    line += "}\n";
  } else {
    line.append(words) += '\n';
  }
  if (::write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ++lost_;
}

}  // namespace fanlight::server::cli
