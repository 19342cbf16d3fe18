#include "ui/app/theme.hpp"

#include <utility>

#include "ui/canvas/imgui_canvas.hpp"

namespace fanlight::ui {

void apply_theme(float scale) {
  ImGuiStyle style;
  ImGui::StyleColorsDark(&style);
  style.WindowPadding = {9, 7};  // tooltips; the dashboard itself has none
  style.WindowBorderSize = 0;
  style.ChildBorderSize = 0;
  style.PopupBorderSize = 1;
  style.FramePadding = {8, 2};
  style.ItemSpacing = {6, 4};
  style.CellPadding = {5, 2};
  style.ScrollbarSize = 10;
  style.FrameRounding = 2;
  style.ScrollbarRounding = 2;
  style.GrabRounding = 2;
  style.ScaleAllSizes(scale);
  const std::pair<ImGuiCol, Colour> colours[] = {
      {ImGuiCol_Text, kText},
      {ImGuiCol_TextDisabled, kFaint},
      {ImGuiCol_WindowBg, kBackground},
      {ImGuiCol_ChildBg, with_alpha(kPanel, 0)},
      {ImGuiCol_PopupBg, kRaised},
      {ImGuiCol_Border, kLine},
      {ImGuiCol_FrameBg, kRaised},
      {ImGuiCol_FrameBgHovered, kHover},
      {ImGuiCol_FrameBgActive, kHover},
      {ImGuiCol_ScrollbarBg, with_alpha(kPanel, 0)},
      {ImGuiCol_ScrollbarGrab, kRaised},
      {ImGuiCol_ScrollbarGrabHovered, kHover},
      {ImGuiCol_ScrollbarGrabActive, kHover},
      {ImGuiCol_Button, kRaised},
      {ImGuiCol_ButtonHovered, kHover},
      {ImGuiCol_ButtonActive, kHover},
      {ImGuiCol_Header, kRaised},
      {ImGuiCol_HeaderHovered, kHover},
      {ImGuiCol_HeaderActive, kHover},
      {ImGuiCol_TableHeaderBg, kPanel},
      {ImGuiCol_TableRowBg, kPanel},
      {ImGuiCol_TableRowBgAlt, mix(kPanel, kPanelHead, 0.8f)},
      {ImGuiCol_TableBorderLight, kLine},
      {ImGuiCol_TextSelectedBg, with_alpha(kAccent, 90)},
      {ImGuiCol_NavHighlight, kAccent},
  };
  for (const auto& [slot, colour] : colours) style.Colors[slot] = vec(colour);
  ImGui::GetStyle() = style;
}

}  // namespace fanlight::ui
