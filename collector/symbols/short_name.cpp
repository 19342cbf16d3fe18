#include "collector/symbols/short_name.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "collector/symbols/text_groups.hpp"

namespace fanlight::symbols {
namespace {

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxArgumentsBytes = 64;

/// What a piece of text is: a function's own name loses parameters and return type, a type keeps them.
enum class Kind { function, type };

/// Empty when brackets do not match or nest too deeply.
std::optional<std::string> shorten(std::string_view text, Kind kind, int depth);

/// Past " const", " volatile", " &", " &&", " noexcept" from `at` on.
std::size_t skip_qualifiers(std::string_view text, std::size_t at) {
  static constexpr std::array<std::string_view, 6> kQualifiers{" const", " volatile", " noexcept",
                                                               " &&",    " &",        " throw()"};
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view qualifier : kQualifiers) {
      if (!text.substr(at).starts_with(qualifier)) continue;
      at += qualifier.size();
      again = true;
    }
  }
  return at;
}

/// Arguments that the standard library fills in by itself; dropped from the end of a list, never the first.
bool is_default_argument(std::string_view argument) {
  static constexpr std::array<std::string_view, 6> kDefaults{
      "std::allocator<", "std::char_traits<", "std::default_delete<", "std::less<", "std::equal_to<", "std::hash<"};
  return std::ranges::any_of(kDefaults, [&](std::string_view d) { return argument.starts_with(d); });
}

std::string joined(const std::vector<std::string>& arguments) {
  std::string text = "<";
  for (const std::string& argument : arguments) {
    if (text.size() > 1) text += ", ";
    text += argument;
  }
  return text + ">";
}

/// "Map<int, Set<int>>::iterator" -> "Map<...>::iterator".
std::string without_inner_arguments(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t end = text[i] == '<' && opens_arguments(text, i) ? group_end(text, i) : std::string_view::npos;
    if (end == std::string_view::npos) {
      out += text[i];
      continue;
    }
    out += "<...>";
    i = end - 1;
  }
  return out;
}

std::optional<std::string> template_arguments(std::string_view inner, int depth) {
  std::vector<std::string> arguments;
  for (const std::string_view part : split_list(inner)) {
    auto argument = shorten(part, Kind::type, depth + 1);
    if (!argument) return std::nullopt;
    arguments.push_back(std::move(*argument));
  }
  while (arguments.size() > 1 && is_default_argument(arguments.back())) arguments.pop_back();
  std::string text = joined(arguments);
  if (text.size() <= kMaxArgumentsBytes) return text;
  for (std::string& argument : arguments) argument = without_inner_arguments(argument);
  text = joined(arguments);
  if (text.size() <= kMaxArgumentsBytes) return text;
  text = "<" + arguments.front() + ", ...>";
  return arguments.size() > 1 && text.size() <= kMaxArgumentsBytes ? text : "<...>";
}

/// "std::basic_string" with "<char>" is "std::string". Others keep their arguments.
void append_arguments(std::string& name, std::string_view arguments) {
  constexpr std::string_view kBasic = "std::basic_";
  const bool whole_name = name.size() >= kBasic.size() && arguments == "<char>";
  const std::size_t at = whole_name ? name.rfind(kBasic) : std::string::npos;
  const bool last_part = at != std::string::npos && name.find("::", at + kBasic.size()) == std::string::npos &&
                         (at == 0 || name[at - 1] != ':');
  if (last_part)
    name.erase(at + 5, 6);  // "basic_"
  else
    name += arguments;
}

/// "lambda(int, auto:1)#2" -> "{lambda#2}".
std::string brace_text(std::string_view inner) {
  const std::size_t parameters = inner.find_first_of("(<");
  const std::size_t number = inner.rfind('#');
  std::string text = "{";
  if (parameters == std::string_view::npos || number == std::string_view::npos || number < parameters)
    text += inner;
  else
    text.append(inner.substr(0, parameters)).append(inner.substr(number));
  return text + "}";
}

/// Where the type that a conversion operator converts to ends: at its parameter list.
std::size_t conversion_end(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    const char c = text[at];
    if (text.substr(at).starts_with(kAnonymous)) {
      at += kAnonymous.size();
    } else if (c == '(') {
      const bool declarator = at + 1 < text.size() && (text[at + 1] == '*' || text[at + 1] == '&');
      if (!declarator) return at;
      const std::size_t end = group_end(text, at);
      if (end == std::string_view::npos || end >= text.size() || text[end] != '(') return text.size();
      at = std::min(group_end(text, end), text.size());
    } else if (c == '<') {
      at = std::min(group_end(text, at), text.size());
    } else {
      ++at;
    }
  }
  return text.size();
}

/// Reads one declarator from left to right, writing what is kept.
class Shortener {
 public:
  Shortener(std::string_view text, Kind kind, int depth) : text_(text), kind_(kind), depth_(depth) {}

  std::optional<std::string> run() {
    if (depth_ > kMaxDepth) return std::nullopt;
    while (at_ < text_.size() && !failed_ && !done_) step();
    if (failed_) return std::nullopt;
    return std::move(out_);
  }

 private:
  void step() {
    if (operator_length(text_, at_) > 0) return operator_name();
    switch (text_[at_]) {
      case '(': return parentheses();
      case '{': return braces();
      case '[': return tag();
      case '<': return arguments();
      case ' ': return space();
      default: out_ += text_[at_++];
    }
  }

  /// The text within the group that starts here; moves past the group.
  std::string_view take_group() {
    const std::size_t end = group_end(text_, at_);
    if (end == std::string_view::npos) {
      failed_ = true;
      return {};
    }
    const std::string_view inner = text_.substr(at_ + 1, end - at_ - 2);
    at_ = end;
    return inner;
  }

  void append_or_fail(const std::optional<std::string>& text) {
    if (text)
      out_ += *text;
    else
      failed_ = true;
  }

  void operator_name() {
    const std::size_t length = operator_length(text_, at_);
    out_ += text_.substr(at_, length);
    at_ += length;
    const std::string_view rest = text_.substr(at_);
    if (out_.ends_with("\"\"")) {  // the literal's suffix is part of the name
      const std::size_t end = std::min(rest.find_first_of("(<", 1), rest.size());
      out_ += rest.substr(0, end);
      at_ += end;
    } else if (length > 8) {
      if (rest.starts_with(" <")) ++at_;
    } else {
      for (const std::string_view word : {" new[]", " new", " delete[]", " delete", " co_await"}) {
        if (!rest.starts_with(word)) continue;
        out_ += word;
        at_ += word.size();
        return;
      }
      const std::size_t end = conversion_end(text_, at_);
      append_or_fail(shorten(text_.substr(at_, end - at_), Kind::type, depth_ + 1));
      at_ = end;
    }
  }

  void parentheses() {
    if (text_.substr(at_).starts_with(kAnonymous)) {
      out_ += kAnonymous;
      at_ += kAnonymous.size();
      return;
    }
    const bool of_decltype = text_.substr(0, at_).ends_with("decltype ");
    const bool nothing_named = out_.empty() && !of_decltype;
    const std::string_view inner = take_group();
    if (failed_) return;
    // "void (*get<int>(int))(char)": a function that returns a pointer to a function has its name in parentheses.
    if (kind_ == Kind::function && nothing_named) {
      const std::size_t star = inner.find_first_not_of("*& ");
      const std::size_t member = inner.find("::*");
      const std::size_t name = star != 0 ? star : member != std::string_view::npos ? member + 3 : 0;
      append_or_fail(shorten(inner.substr(std::min(name, inner.size())), Kind::function, depth_ + 1));
      done_ = true;
      return;
    }
    const std::size_t after = skip_qualifiers(text_, at_);
    if (kind_ == Kind::function || text_.substr(after).starts_with("::")) {
      at_ = after;
      return;
    }
    out_ += '(';
    bool first = true;
    for (const std::string_view part : split_list(inner)) {
      if (!first) out_ += ", ";
      first = false;
      append_or_fail(shorten(part, Kind::type, depth_ + 1));
    }
    out_ += ')';
  }

  void braces() {
    const std::string_view inner = take_group();
    if (!failed_) out_ += brace_text(inner);
  }

  void tag() {
    const std::string_view inner = take_group();
    if (failed_ || inner.starts_with("abi:")) return;
    out_.append("[").append(inner).append("]");
  }

  void arguments() {
    if (!opens_arguments(text_, at_)) {
      out_ += text_[at_++];
      return;
    }
    const std::string_view inner = take_group();
    const auto text = failed_ ? std::nullopt : template_arguments(inner, depth_);
    if (text)
      append_arguments(out_, *text);
    else
      failed_ = true;
  }

  void space() {
    if (text_.substr(at_).starts_with(" [clone")) {
      ++at_;
      take_group();
      return;
    }
    ++at_;
    if (kind_ == Kind::function)
      out_.clear();  // a return type, or "non-virtual thunk to"
    else
      out_ += ' ';
  }

  std::string_view text_;
  Kind kind_;
  int depth_;
  std::size_t at_ = 0;
  std::string out_;
  bool failed_ = false;
  bool done_ = false;
};

std::optional<std::string> shorten(std::string_view text, Kind kind, int depth) {
  return Shortener(text, kind, depth).run();
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at))
    text.replace(at, from.size(), to);
}

}  // namespace

std::string short_name(std::string_view demangled) {
  std::string text(demangled);
  for (const std::string_view inline_namespace : {"::__cxx11::", "::_V2::", "::__1::"})
    replace_all(text, inline_namespace, "::");
  auto name = shorten(text, Kind::function, 0);
  return name && !name->empty() ? std::move(*name) : std::string(demangled);
}

}  // namespace fanlight::symbols
