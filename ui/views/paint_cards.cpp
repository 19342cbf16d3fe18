#include "ui/views/paint_cards.hpp"

#include <algorithm>
#include <cmath>

#include "ui/views/paint_plots.hpp"

namespace fanlight::ui {
namespace {

void paint_card(Drawing& drawing, const Card& card, const Rect& box, const Pen& pen) {
  const float pad = std::round(pen.px(11)), inner = box.w - 2 * pad, left = box.x + pad;
  drawing.fill(box, kPanel);
  float widest = 0;
  const auto line = [&](float y, Face face, Colour colour, const std::string& words) {
    const std::string shown = fit(words, inner, face, pen.measure);
    widest = std::max(widest, pen.measure(shown, face));
    drawing.label(left, box.y + y, face, colour, shown);
  };
  const Face size = pen.measure(card.value, Face::large) <= inner ? Face::large : Face::bold;
  const float drop = (pen.height(Face::large) - pen.height(size)) / 2;
  line(std::round(pen.px(7)), Face::small, kMuted, card.title);
  line(std::round(pen.px(23) + drop), size, kText, card.value);
  // A low strip, as on a small screen, has room for the number alone.
  if (box.h >= pen.px(66)) line(std::round(pen.px(50)), Face::small, kFaint, card.detail);
  const float from = left + widest + pen.px(14), room = box.x + box.w - pad - from;
  if (room < pen.px(28)) return;
  const float wide = std::min(room, pen.px(110));
  paint_sparkline(drawing, card.curve, {box.x + box.w - pad - wide, box.y + pen.px(14), wide, box.h - pen.px(28)},
                  rgb(0x3f5f86));
}

}  // namespace

void paint_cards(Drawing& drawing, std::span<const Card> cards, Rect rect, const Pen& pen) {
  if (cards.empty()) return;
  const float gap = std::round(pen.px(6));
  float weights = 0;
  for (const Card& card : cards) weights += card.weight;
  const float unit = (rect.w - gap * static_cast<float>(cards.size() - 1)) / weights;
  float x = rect.x;
  for (std::size_t i = 0; i < cards.size(); ++i) {
    const float width = std::floor(unit * cards[i].weight);
    // The last one takes what rounding left over.
    paint_card(drawing, cards[i], {x, rect.y, i + 1 == cards.size() ? rect.x + rect.w - x : width, rect.h}, pen);
    x += width + gap;
  }
}

}  // namespace fanlight::ui
