#include "load/http_response.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace fanlight::load {
namespace {

constexpr std::size_t kMaxHead = 16u << 10;
constexpr std::uint64_t kMaxLength = 1ull << 40;

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::optional<std::uint64_t> number(std::string_view text, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > most) return std::nullopt;
  return value;
}

/// Takes one line off the front, without its CRLF or LF.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// Takes `left` bytes off the front, or as many as there are.
std::string_view take_bytes(std::string_view& bytes, std::uint64_t left) {
  const std::string_view taken = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes.size())));
  bytes.remove_prefix(taken.size());
  return taken;
}

bool ends_head(std::string_view text) { return text.ends_with("\n\r\n") || text.ends_with("\n\n"); }

}  // namespace

std::string_view ResponseHead::field(std::string_view lower_case_name) const {
  const auto found = fields.find(lower_case_name);
  return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

void ResponseReader::reset() {
  head_ = {};
  text_.clear();
  phase_ = Phase::head;
}

bool ResponseReader::parse_head() {
  head_ = {};
  std::string_view rest = text_;
  const std::string_view status = take_line(rest);
  // "HTTP/1.1 200 OK", where the words may be missing.
  if (!status.starts_with("HTTP/1.") || status.size() < 12 || status[8] != ' ') return false;
  const auto code = number(status.substr(9, 3), 999);
  if (!code || *code < 100 || (status.size() > 12 && status[12] != ' ')) return false;
  head_.status = static_cast<unsigned>(*code);
  head_.old = status[7] == '0';
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    if (line.empty()) break;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    const std::string_view name = line.substr(0, colon);
    // A space here would be a folded line or a smuggled name.
    if (std::any_of(name.begin(), name.end(), [](char c) { return c <= ' ' || c >= 127; })) return false;
    head_.fields[lower(name)] = trimmed(line.substr(colon + 1));
  }
  return true;
}

ResponseReader::Phase ResponseReader::body_phase() {
  if (head_.status < 200 || head_.status == 204 || head_.status == 304) return Phase::complete;
  if (const std::string coding = lower(head_.field("transfer-encoding")); !coding.empty()) {
    chunks_ = {};
    return coding == "chunked" ? Phase::chunked : Phase::failed;
  }
  if (const std::string_view length = head_.field("content-length"); !length.empty()) {
    const auto bytes = number(length, kMaxLength);
    if (!bytes) return Phase::failed;
    left_ = *bytes;
    return left_ == 0 ? Phase::complete : Phase::counted;
  }
  return Phase::until_close;
}

ResponseReader::Event ResponseReader::next(std::string_view& bytes, std::string_view& piece, Until until) {
  for (;;) {
    if (phase_ == Phase::failed) return Event::error;
    if (phase_ == Phase::complete) return Event::complete;
    if (phase_ == Phase::announce) {
      if (until == Until::head && head_.status >= 200) return Event::head;
      phase_ = body_phase();
      if (phase_ == Phase::complete && head_.status < 200 && head_.status != 101) {
        reset();
        continue;
      }
      return Event::head;
    }
    if (bytes.empty()) return Event::nothing;
    switch (phase_) {
      case Phase::head:
        while (!bytes.empty() && phase_ == Phase::head) {
          const std::size_t line_end = bytes.find('\n');
          const std::size_t count = line_end == std::string_view::npos ? bytes.size() : line_end + 1;
          text_.append(bytes.substr(0, count));
          bytes.remove_prefix(count);
          if (text_.size() > kMaxHead)
            phase_ = Phase::failed;
          else if (ends_head(text_))
            phase_ = parse_head() ? Phase::announce : Phase::failed;
        }
        break;
      case Phase::until_close: piece = std::exchange(bytes, {}); return Event::body;
      case Phase::counted:
        piece = take_bytes(bytes, left_);
        left_ -= piece.size();
        if (left_ == 0) phase_ = Phase::complete;
        return Event::body;
      default:
        if (chunks_.in_data()) {
          piece = take_bytes(bytes, chunks_.left());
          chunks_.pass(piece.size());
          return Event::body;
        }
        chunks_.take(bytes.front());
        bytes.remove_prefix(1);
        if (chunks_.failed()) phase_ = Phase::failed;
        if (chunks_.finished()) phase_ = Phase::complete;
        break;
    }
  }
}

}  // namespace fanlight::load
