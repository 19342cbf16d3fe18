// Two samplers, one truth. In: a profile with kernel and in-process samples. Out: how far their shares agree.
#pragma once

#include <string>
#include <vector>

#include "collector/profile/profile.hpp"

namespace fanlight::profile {

struct FunctionShare {
  std::string name;
  double kernel = 0;     // share of on-CPU samples that have it on the user stack, 0..1
  double inprocess = 0;  // the same by the signal sampler
};

/// Only threads that both samplers saw are compared.
struct CrossCheck {
  std::uint64_t kernel_samples = 0;
  std::uint64_t inprocess_samples = 0;
  double agreement = 0;                  // 1 - total variation distance of the leaf-function shares; 0..1
  std::vector<FunctionShare> functions;  // largest difference of inclusive share first
  bool possible() const { return kernel_samples > 0 && inprocess_samples > 0; }
  /// With fewer of either the shares say little.
  bool enough() const { return kernel_samples >= 30 && inprocess_samples >= 30; }
};

/// Source: total variation distance, half the sum of |p - q|. Cost: O(samples * depth).
CrossCheck cross_check(const Profile& profile);

}  // namespace fanlight::profile
