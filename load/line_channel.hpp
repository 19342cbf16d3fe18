// Lines of text to and from another process. In: a connected socket. Out: whole lines, in order.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/fd.hpp"

namespace fanlight::load {

/// Never blocks; what the socket does not take is kept, up to kMost bytes. Threads: one at a time.
class LineChannel {
 public:
  static constexpr std::size_t kMost = 64u << 20;

  LineChannel() = default;
  /// `socket` is non-blocking. A line of more than `longest` bytes ends the conversation.
  explicit LineChannel(Fd socket, std::size_t longest = kMost) : socket_(std::move(socket)), longest_(longest) {}

  int fd() const { return socket_.get(); }
  bool open() const { return static_cast<bool>(socket_); }
  void allow(std::size_t longest) { longest_ = longest; }
  bool wants_write() const { return out_sent_ < out_.size(); }
  /// A line without line ends in it.
  void say(std::string_view line);
  /// Sends what waits and reads what is there.
  void pump();
  /// The next whole line; also after the other side has closed.
  std::optional<std::string> next();
  /// Closed, and why. Lines that came before are still there.
  const std::string& trouble() const { return trouble_; }
  void close() { socket_.reset(); }

 private:
  void send_out();
  void end(std::string why);

  Fd socket_;
  std::size_t longest_ = kMost;
  std::string in_;
  std::size_t looked_ = 0;  // bytes of `in_` known to hold no line end
  std::string out_;
  std::size_t out_sent_ = 0;
  std::string trouble_;
};

}  // namespace fanlight::load
