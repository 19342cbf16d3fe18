// ImGui's own widgets in our palette. In: the scale. Out: ImGui's style.
#pragma once

namespace fanlight::ui {

/// Needs an ImGui context.
void apply_theme(float scale);

}  // namespace fanlight::ui
