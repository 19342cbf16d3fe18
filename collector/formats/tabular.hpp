// Stacks for spreadsheets and scripts. In: `WeightedStacks`. Out: CSV, JSON.
#pragma once

#include <string>

#include "collector/profile/view.hpp"

namespace fanlight::formats {

/// A head line, then one line a stack, heaviest first:
/// weight,unit,share,samples,depth,leaf,module,file,line,labels,stack. `stack` is the folded one, `labels` are
/// "key=value;key=value". Source: RFC 4180; lines end in CR LF.
std::string csv(const profile::WeightedStacks& stacks);

/// {"schema":1,"view":"wall","unit":"nanoseconds","total":0,"from_ns":0,"to_ns":0,"realtime_offset_ns":0,
/// "frames":[{"name","origin","module","offset","build_id","file","line","inlined":[{"name","file","line"}]}],
/// "stacks":[{"frames":[0],"weight":0,"samples":0,"labels":{}}]}; frames root first. Fields that are not known are left
/// out. docs/profile.schema.json is its schema.
std::string stacks_json(const profile::WeightedStacks& stacks);

}  // namespace fanlight::formats
