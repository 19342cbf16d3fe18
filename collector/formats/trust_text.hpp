// The cross-check of two samplers, for people and for programs. In: a trust report. Out: text, JSON.
#pragma once

#include <string>

#include "collector/profile/trust.hpp"

namespace fanlight::formats {

std::string trust_text(const profile::TrustReport& report);
/// {"possible":true,"kernel_samples":0,"inprocess_samples":0,"overlap":{"functions":0.0,"stacks":0.0},"period_ns":0,
/// "got_hz":0,"modules":[{"module":"","score":0,"share":0,"samples":0}],"functions":[{"name":"","module":"","kernel":
/// {"share":0,"low":0,"high":1,"samples":0},"inprocess":{},"difference":"none","why":""}],"stacks":[]}. Shares from 0
/// to 1.
std::string trust_json(const profile::TrustReport& report);

}  // namespace fanlight::formats
