#include "collector/formats/html.hpp"

#include "collector/formats/flame.hpp"
#include "collector/formats/flame_data.hpp"
#include "collector/formats/flame_script.hpp"
#include "collector/formats/text.hpp"
#include "core/units.hpp"

namespace fanlight::formats {
namespace {

constexpr const char* kPageStyle = R"css(
html { overflow-y: scroll; } /* a bar that comes and goes would change the width */
body { margin: 0; }
header { padding: 10px 10px 4px; display: flex; flex-wrap: wrap; gap: 6px 12px; align-items: baseline; }
header .note { flex-basis: 100%; }
header .right { margin-left: auto; }
button { font: inherit; color: var(--link); background: none; border: none; cursor: pointer; padding: 0; }
#search { height: 24px; width: 220px; }
#flame { display: block; width: 100%; }
#details { position: sticky; bottom: 0; min-height: 18px; padding: 4px 10px; background: var(--paper); white-space: pre-wrap; }
)css";

constexpr const char* kKeys =
    "/ search   i invert   c colour   d dark or light   arrows choose   Enter zoom   Backspace back   Esc reset";

}  // namespace

std::string html(const profile::WeightedStacks& stacks, const HtmlOptions& options) {
  const Flame picture = flame(stacks, options.min_share);
  const std::string length = format_ns(static_cast<double>(stacks.to_ns - stacks.from_ns));
  const std::string title = options.title.empty() ? clean(stacks.name) + ", " + length : clean(options.title);
  const bool empty = stacks.total() == 0;
  const std::string note = empty ? "no samples in this view" : subtitle(stacks, picture);
  // The policy is the browser's word that nothing leaves the page, whatever the script would do.
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "script-src 'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>" +
      escaped(title) + "</title>\n<style>" + kFlameStyle + kPageStyle +
      "</style>\n</head>\n<body class=\"flame\">\n<header><span class=\"title\">" + escaped(title) +
      "</span><span class=\"right\"><input id=\"search\" placeholder=\"search ( / )\"></span>"
      "<span id=\"matched\"></span><button id=\"invert\">invert</button><button id=\"colour\">colour</button>"
      "<button id=\"theme\">dark or light</button><button id=\"reset\" class=\"gone\">reset zoom</button>"
      "<span class=\"note\">" +
      escaped(note) + "</span><span class=\"note\">" + kKeys + "</span></header>\n<svg id=\"flame\" height=\"60\">";
  if (!empty) out += "<g id=\"boxes\"></g>";
  out += "</svg>\n<div id=\"details\"></div>\n<script type=\"application/json\" id=\"flame-data\">" +
         flame_data(picture, {.unit = stacks.unit, .fit = true}) + "</script>\n<script>" + kFlameScript +
         "</script>\n</body>\n</html>\n";
  return out;
}

}  // namespace fanlight::formats
