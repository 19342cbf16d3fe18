#include "load/line_channel.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace fanlight::load {

void LineChannel::end(std::string why) {
  if (trouble_.empty()) trouble_ = std::move(why);
  socket_.reset();
}

void LineChannel::say(std::string_view line) {
  if (!open()) return;
  out_.append(line).push_back('\n');
  send_out();
  if (out_.size() - out_sent_ > kMost) end("it does not read what it is told");
}

void LineChannel::send_out() {
  while (open() && out_sent_ < out_.size()) {
    const ssize_t sent =
        ::send(socket_.get(), out_.data() + out_sent_, out_.size() - out_sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (sent < 0) return end("send: " + std::generic_category().message(errno));
    out_sent_ += static_cast<std::size_t>(sent);
  }
  out_.clear();
  out_sent_ = 0;
}

void LineChannel::pump() {
  send_out();
  std::array<char, 65536> buffer;
  while (open() && in_.size() <= longest_) {
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0) return end("receive: " + std::generic_category().message(errno));
    if (got == 0) return end("it closed the connection");
    in_.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

std::optional<std::string> LineChannel::next() {
  const std::size_t at = in_.find('\n', looked_);
  if (at == std::string::npos) {
    looked_ = in_.size();
    if (in_.size() > longest_) end("a line without end");
    return std::nullopt;
  }
  looked_ = 0;
  std::string line = in_.substr(0, at);
  in_.erase(0, at + 1);
  return line;
}

}  // namespace fanlight::load
