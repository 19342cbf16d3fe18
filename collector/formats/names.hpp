// Frames by what they are called. In: frames. Out: small numbers, the same for the same words. For this room only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "collector/profile/view.hpp"

namespace fanlight::formats {

/// One function as pictures and lists show it: kernel and user functions of one name stay two.
struct Name {
  std::string text;  // clean
  profile::FrameOrigin origin = profile::FrameOrigin::user;
  const profile::Frame* frame = nullptr;  // the first that was called so
};

/// Numbers names in order of first sight. Frames must outlive it. Cost: one look-up a frame, none a stack.
class Names {
 public:
  /// The numbers of what runs at each frame, caller before callee: the function, then what was inlined into it.
  std::vector<std::vector<std::uint32_t>> of(const std::vector<profile::Frame>& frames);
  const std::vector<Name>& all() const { return names_; }
  /// Place of each name in alphabetical order.
  std::vector<std::uint32_t> ranks() const;

 private:
  std::uint32_t number(std::string text, const profile::Frame& frame);

  std::vector<Name> names_;
  std::map<std::pair<std::string, profile::FrameOrigin>, std::uint32_t> index_;
};

}  // namespace fanlight::formats
