#include "ui/viewmodel/arrangement.hpp"

#include <algorithm>
#include <cmath>

namespace fanlight::ui {

Arrangement arrange(float width, float height, float scale, std::size_t threads) {
  const float gap = std::round(6 * scale);
  const float inner = std::max(0.0f, width - 2 * gap);
  const auto part = [](float whole, float share) { return std::floor(std::max(0.0f, whole) * share); };
  Arrangement at;
  at.top = {0, 0, width, std::round(38 * scale)};
  at.status = {0, height - std::round(24 * scale), width, std::round(24 * scale)};
  at.cards = {gap, at.top.h + gap, inner, std::round(72 * scale)};

  const float begin = at.cards.y + at.cards.h + gap;
  const float room = std::max(0.0f, at.status.y - gap - begin);
  const float plots = std::min(part(room, 0.24f), std::round(230 * scale));
  const float tables = std::min(part(room, 0.27f), std::round(300 * scale));
  const float middle = std::max(0.0f, room - plots - tables - 2 * gap);

  const float states = part(inner - 2 * gap, 0.46f);
  const float lines = part(inner - 2 * gap - states, 0.5f);
  at.states = {gap, begin, states, plots};
  at.throughput = {at.states.x + states + gap, begin, lines, plots};
  at.latency = {at.throughput.x + lines + gap, begin, width - gap - (at.throughput.x + lines + gap), plots};

  const float row = begin + plots + gap;
  const float column = std::clamp(part(inner - gap, 0.34f), std::min(380 * scale, inner / 2), 620 * scale);
  at.flame = {gap, row, inner - gap - column, middle};
  const float rows = std::round((26 + 19.0f * (static_cast<float>(threads) + 1) + 8) * scale);
  const float upper = std::min(rows, part(middle - gap, 0.5f));
  at.threads = {at.flame.x + at.flame.w + gap, row, column, upper};
  at.functions = {at.threads.x, row + upper + gap, column, std::max(0.0f, middle - upper - gap)};

  const float bottom = row + middle + gap;
  const float shares[] = {0.23f, 0.28f, 0.25f};
  Rect* const panels[] = {&at.sockets, &at.operations, &at.ledger};
  float x = gap;
  for (int i = 0; i < 3; ++i) {
    *panels[i] = {x, bottom, part(inner - 3 * gap, shares[i]), tables};
    x += panels[i]->w + gap;
  }
  at.notes = {x, bottom, width - gap - x, tables};
  return at;
}

}  // namespace fanlight::ui
