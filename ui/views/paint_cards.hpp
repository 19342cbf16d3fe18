// The headline numbers, painted. In: cards. Out: fills and labels.
#pragma once

#include <span>

#include "ui/canvas/drawing.hpp"
#include "ui/viewmodel/cards.hpp"

namespace fanlight::ui {

/// Side by side, as wide as their weights ask for. A curve is drawn where the words leave room for one.
void paint_cards(Drawing& drawing, std::span<const Card> cards, Rect rect, const Pen& pen);

}  // namespace fanlight::ui
