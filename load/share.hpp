// A fair part of a number. In: whose. Out: how much.
#pragma once

namespace fanlight::load {

/// Which of how many pools, or hosts, this one is. The parts of all add up to the whole and differ by one at most.
struct Share {
  unsigned index = 0;
  unsigned pools = 1;

  unsigned of(unsigned total) const { return total / pools + (index < total % pools ? 1 : 0); }
};

}  // namespace fanlight::load
