#include "collector/formats/flame_data.hpp"

#include <cstdint>
#include <unordered_map>

#include <boost/json.hpp>

#include "collector/formats/text.hpp"
#include "core/units.hpp"

namespace fanlight::formats {
namespace {

/// Texts as numbers, in order of first sight.
class Texts {
 public:
  std::size_t number(const std::string& text) {
    const auto [found, added] = index_.emplace(text, all_.size());
    if (added) all_.push_back(text);
    return found->second;
  }
  std::string json() const {
    boost::json::array texts;
    texts.reserve(all_.size());
    for (const std::string& text : all_) texts.emplace_back(text);
    // Inside a string, so the escape means the same; outside of one, JSON has no such letter.
    std::string safe;
    for (const char c : boost::json::serialize(texts)) {
      if (c == '<') {
        safe += "\\u003c";
      } else if (c == '>') {
        safe += "\\u003e";
      } else if (c == '&') {
        safe += "\\u0026";
      } else {
        safe += c;
      }
    }
    return safe;
  }

 private:
  std::unordered_map<std::string, std::size_t> index_;
  std::vector<std::string> all_;
};

template <class Value>
std::string column(const char* name, const std::vector<FlameBox>& boxes, Value value) {
  std::string text = ",\"" + std::string(name) + "\":[";
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    if (i > 0) text += ',';
    text += std::to_string(value(boxes[i], i));
  }
  return text + "]";
}

}  // namespace

std::string flame_data(const Flame& picture, const FlameData& options) {
  Texts names;
  Texts modules;
  std::vector<std::size_t> name;
  std::vector<std::size_t> module;
  for (const FlameBox& box : picture.boxes) {
    name.push_back(names.number(box.name));
    module.push_back(modules.number(box.frame == nullptr ? "" : clean(box.frame->module)));
  }
  const auto& boxes = picture.boxes;
  std::string text = "{\"unit\":" + boost::json::serialize(boost::json::string(clean(options.unit))) +
                     ",\"head\":" + std::to_string(static_cast<int>(options.head)) +
                     ",\"fit\":" + (options.fit ? "true" : "false") + ",\"names\":" + names.json() +
                     ",\"modules\":" + modules.json();
  text += column("parent", boxes, [](const FlameBox& box, std::size_t) { return box.parent; });
  text += column("name", boxes, [&](const FlameBox&, std::size_t i) { return name[i]; });
  text += column("module", boxes, [&](const FlameBox&, std::size_t i) { return module[i]; });
  text += column("origin", boxes, [](const FlameBox& box, std::size_t) {
    return box.frame == nullptr ? 2 : static_cast<int>(box.frame->origin);
  });
  text += column("weight", boxes, [](const FlameBox& box, std::size_t) { return box.weight; });
  text += column("self", boxes, [](const FlameBox& box, std::size_t) { return box.self; });
  text += column("count", boxes, [](const FlameBox& box, std::size_t) { return box.count; });
  if (options.compared) {
    text += column("before", boxes, [](const FlameBox& box, std::size_t) { return box.before; });
    text += column("quiet", boxes, [&](const FlameBox&, std::size_t i) {
      return i < options.quiet.size() && options.quiet[i] ? 1 : 0;
    });
  }
  return text + "}";
}

std::string subtitle(const profile::WeightedStacks& stacks, const Flame& picture) {
  std::string text = amount(stacks.unit, stacks.total()) + " in " + std::to_string(stacks.stacks.size()) +
                     " stacks over " + format_ns(static_cast<double>(stacks.to_ns - stacks.from_ns));
  if (picture.hidden > 0) {
    text += "; left out as too narrow or too deep: " + std::to_string(picture.hidden) +
            (picture.hidden == 1 ? " frame (" : " frames (") +
            format_share(static_cast<double>(picture.hidden_weight), static_cast<double>(stacks.total())) + ")";
  }
  return text;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

}  // namespace fanlight::formats
