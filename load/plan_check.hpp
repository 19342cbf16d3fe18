// What a plan may ask for. In: a plan. Out: what is wrong with it, in the words of the command line.
#pragma once

#include "core/error.hpp"
#include "load/plan.hpp"

namespace fanlight::load {

/// Every plan passes here before it is carried out, whoever made it. Errors: values out of bounds, URLs that do not
/// parse or do not fit the protocol, characters that would forge a request, nobody to receive. Cost: none that matters.
Result<> check(const Plan& plan);

}  // namespace fanlight::load
