// Between the model and the generated messages. In: `Profile`. Out: `proto::Profile`, and back. For this room only.
#pragma once

#include "collector/profile/profile.hpp"
#include "collector/wire/live.pb.h"
#include "core/error.hpp"

namespace fanlight::wire {

void fill(proto::Profile& message, const profile::Profile& profile);

/// Errors: another version, a number that names nothing.
Result<profile::Profile> profile_from(const proto::Profile& message);

}  // namespace fanlight::wire
