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
    left_ = 0;
    digits_ = 0;
    return coding == "chunked" ? Phase::chunk_size : Phase::failed;
  }
  if (const std::string_view length = head_.field("content-length"); !length.empty()) {
    const auto bytes = number(length, kMaxLength);
    if (!bytes) return Phase::failed;
    left_ = *bytes;
    return left_ == 0 ? Phase::complete : Phase::counted;
  }
  return Phase::until_close;
}

ResponseReader::Event ResponseReader::body_bytes(std::string_view& bytes, std::string_view& piece, Phase after) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  piece = bytes.substr(0, count);
  bytes.remove_prefix(count);
  left_ -= count;
  if (left_ == 0) phase_ = after;
  return Event::body;
}

ResponseReader::Phase ResponseReader::framing_byte(char c) {
  switch (phase_) {
    case Phase::chunk_size: {
      unsigned digit = 16;
      if (c >= '0' && c <= '9') digit = static_cast<unsigned>(c - '0');
      if (c >= 'a' && c <= 'f') digit = static_cast<unsigned>(c - 'a' + 10);
      if (c >= 'A' && c <= 'F') digit = static_cast<unsigned>(c - 'A' + 10);
      if (digit < 16) {
        left_ = left_ * 16 + digit;
        return ++digits_ <= 10 ? Phase::chunk_size : Phase::failed;  // ten digits are 2^40
      }
      if (digits_ == 0) return Phase::failed;
      if (c == '\r') return Phase::chunk_size_end;
      return c == ';' || c == ' ' || c == '\t' ? Phase::chunk_extension : Phase::failed;
    }
    case Phase::chunk_extension: return c == '\r' ? Phase::chunk_size_end : c == '\n' ? Phase::failed : phase_;
    case Phase::chunk_size_end:
      if (c != '\n') return Phase::failed;
      text_.clear();
      return left_ == 0 ? Phase::trailer : Phase::chunk_data;
    case Phase::chunk_end:
      if (text_.empty() && c == '\r') {
        text_.push_back(c);
        return Phase::chunk_end;
      }
      digits_ = 0;
      return text_ == "\r" && c == '\n' ? Phase::chunk_size : Phase::failed;
    case Phase::trailer:
      text_.push_back(c);
      if (text_.size() > kMaxHead) return Phase::failed;
      return text_ == "\r\n" || text_.ends_with("\r\n\r\n") ? Phase::complete : Phase::trailer;
    default: return Phase::failed;
  }
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
      case Phase::counted: return body_bytes(bytes, piece, Phase::complete);
      case Phase::chunk_data: text_.clear(); return body_bytes(bytes, piece, Phase::chunk_end);
      default:
        phase_ = framing_byte(bytes.front());
        bytes.remove_prefix(1);
        break;
    }
  }
}

}  // namespace fanlight::load
