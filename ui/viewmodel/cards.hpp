// The headline numbers. In: a profile and its series. Out: cards: a word, a number, a curve.
#pragma once

#include <string>
#include <vector>

#include "ui/viewmodel/series.hpp"

namespace fanlight::ui {

struct Card {
  std::string title;   // "Deliveries"
  std::string value;   // "84.2k/s"
  std::string detail;  // "publishes 168/s"
  Line curve;          // over the plotted time
  float weight = 1;    // width against the others: two numbers need more
};

/// What the target says of itself first (deliveries, latency, connections), then what can be said of any program:
/// socket writes and bytes, run-queue latency, CPUs used. Numbers are over the profile's range. Cost: O(threads).
std::vector<Card> build_cards(const profile::Profile& profile, const Series& series);

}  // namespace fanlight::ui
