#include "load/sse_parser.hpp"

#include <utility>

namespace fanlight::load {

bool SseParser::end_line(std::string_view line) {
  if (at_start_) {
    at_start_ = false;
    if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  }
  if (line.empty()) {
    delivered_event_ = std::exchange(event_, {});
    return !data_.empty();
  }
  const std::size_t colon = line.find(':');
  if (colon == 0) return false;  // a comment
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (data_.size() + value.size() >= max_bytes_) {
      failed_ = true;
    } else {
      data_.append(value).push_back('\n');
    }
  } else if (field == "event") {
    event_ = value;
  } else if (field == "id" && value.find('\0') == std::string_view::npos) {
    id_ = value;
  }
  return false;
}

Found SseParser::next(std::string_view& bytes, SseEvent& event) {
  if (deliver_) {
    deliver_ = false;
    data_.clear();
  }
  while (!failed_ && !bytes.empty()) {
    if (after_cr_) {
      after_cr_ = false;
      if (bytes.front() == '\n') {
        bytes.remove_prefix(1);
        continue;
      }
    }
    const std::size_t end = bytes.find_first_of("\r\n");
    const std::string_view piece = bytes.substr(0, end);
    if (line_.size() + piece.size() > max_bytes_) {
      failed_ = true;
      break;
    }
    if (end == std::string_view::npos) {
      line_.append(piece);
      bytes = {};
      break;
    }
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    bool whole = false;
    if (line_.empty()) {
      whole = end_line(piece);
    } else {
      line_.append(piece);
      whole = end_line(line_);
      line_.clear();
    }
    if (whole && !failed_) {
      deliver_ = true;
      event = {std::string_view(data_).substr(0, data_.size() - 1), id_, delivered_event_};
      return Found::item;
    }
  }
  return failed_ ? Found::error : Found::nothing;
}

}  // namespace fanlight::load
