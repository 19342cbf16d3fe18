#include "collector/symbols/text_groups.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace fanlight::symbols {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// True when the text before `at` ends with an operator's name, with or without the space that keeps "operator< <"
/// apart.
bool follows_operator(std::string_view text, std::size_t at) {
  constexpr std::size_t kLongest = 8 + 3 + 1;  // "operator<=> "
  const std::size_t from = at - std::min(at, kLongest);
  const std::size_t found = text.substr(from, at - from).rfind("operator");
  if (found == std::string_view::npos) return false;
  const std::size_t word = from + found;
  const std::size_t end = word + operator_length(text, word);
  return end > word + 8 && (end == at || (end + 1 == at && text[end] == ' '));
}

}  // namespace

std::size_t operator_length(std::string_view text, std::size_t at) {
  constexpr std::string_view kWord = "operator";
  // Longest first, so that "<<=" is not read as "<".
  static constexpr std::array<std::string_view, 41> kSymbols{
      "<=>", "<<=", ">>=", "->*", "()", "[]", "<<", ">>", "<=", ">=", "==", "!=", "&&",  "||",
      "++",  "--",  "->",  "+=",  "-=", "*=", "/=", "%=", "^=", "&=", "|=", "+",  "-",   "*",
      "/",   "%",   "^",   "&",   "|",  "~",  "!",  "=",  "<",  ">",  ",",  "?",  "\"\""};
  if (!text.substr(at).starts_with(kWord) || (at > 0 && is_word(text[at - 1]))) return 0;
  const std::string_view rest = text.substr(at + kWord.size());
  if (rest.empty() || is_word(rest.front())) return 0;
  for (const std::string_view symbol : kSymbols)
    if (rest.starts_with(symbol)) return kWord.size() + symbol.size();
  return kWord.size();
}

bool opens_arguments(std::string_view text, std::size_t at) {
  if (at == 0) return false;
  const char before = text[at - 1];
  return is_word(before) || before == ']' || follows_operator(text, at);
}

std::size_t group_end(std::string_view text, std::size_t open) {
  std::string closers;  // the bracket that each open group waits for, innermost last
  for (std::size_t i = open; i < text.size(); ++i) {
    if (const std::size_t length = operator_length(text, i); length > 0) {
      i += length - 1;
      continue;
    }
    const char c = text[i];
    if (c == '(' || c == '[' || c == '{' || (c == '<' && (i == open || opens_arguments(text, i)))) {
      closers.push_back(c == '(' ? ')' : c == '[' ? ']' : c == '{' ? '}' : '>');
    } else if (c == ')' || c == ']' || c == '}') {
      if (closers.back() != c) return std::string_view::npos;
      closers.pop_back();
    } else if (c == '>' && closers.back() == '>' && text[i - 1] != '-') {
      closers.pop_back();
    }
    if (closers.empty()) return i + 1;
  }
  return std::string_view::npos;
}

std::vector<std::string_view> split_list(std::string_view text) {
  std::vector<std::string_view> parts;
  const auto add = [&](std::string_view part) {
    part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
    part = part.substr(0, part.find_last_not_of(' ') + 1);
    parts.push_back(part);
  };
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (const std::size_t length = operator_length(text, i); length > 0) {
      i += length - 1;
    } else if (text[i] == ',') {
      add(text.substr(start, i - start));
      start = i + 1;
    } else if (text[i] == '(' || text[i] == '[' || text[i] == '{' || (text[i] == '<' && opens_arguments(text, i))) {
      const std::size_t end = group_end(text, i);
      if (end == std::string_view::npos) break;
      i = end - 1;
    }
  }
  if (start < text.size()) add(text.substr(start));
  return parts;
}

}  // namespace fanlight::symbols
