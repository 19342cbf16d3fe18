// The part of a plan that can change while it is carried out. In: JSON from whoever asks. Out: the board and the
// mailbox say it.
#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"
#include "load/plan.hpp"
#include "load/publisher.hpp"
#include "load/shared.hpp"

namespace fanlight::load {

/// What the running parts share, and what they were made from. Threads: any.
struct Running {
  const Plan& plan;
  Shared& shared;
  Mailbox& mailbox;
};

/// {"schedule": "100..500", "connect_rate": 2000, "subscribers": {"sse": 500, "ws:slow-reader=2K": 10}}, where every
/// member may be missing: what is not named stays. A schedule holds until the planned end. All or nothing.
/// Errors: unknown members, groups that the plan does not have, values out of bounds.
Result<> apply_policy(std::string_view text, const Running& running);

/// The same members as they are now, and how the subscribers stand.
std::string policy_text(const Running& running);

}  // namespace fanlight::load
