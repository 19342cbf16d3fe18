#include "ui/viewmodel/arrangement.hpp"
#include "ui/views/panel.hpp"
#include "ui/views/panels.hpp"

namespace fanlight::ui {
namespace {

void take_keys(Ui& ui) {
  const ImGuiIO& io = ImGui::GetIO();
  Selection& selection = ui.selection;
  if (ImGui::IsKeyPressed(ImGui::GetKeyIndex(ImGuiKey_Escape), false)) {
    if (selection.help) {
      selection.help = false;
    } else if (!selection.search.empty()) {
      selection.search.clear();
      ui.flame.search_text[0] = '\0';
    } else {
      zoom_out(selection);
    }
  }
  if (io.WantTextInput) return;
  for (const ImWchar typed : io.InputQueueCharacters) {
    if (typed == ' ') selection.frozen = !selection.frozen;
    if (typed == '?') selection.help = !selection.help;
    if (typed == '/') ui.flame.focus_search = true;
    if (typed == 'i') selection.idle = !selection.idle;
    if (typed >= '1' && typed <= '7') selection.view = profile::kViews[static_cast<std::size_t>(typed - '1')];
  }
}

}  // namespace

void show_dashboard(Ui& ui, float width, float height) {
  if (ui.widgets != nullptr) {
    ui.widgets->clear();
    ui.widgets->width = width;
    ui.widgets->height = height;
    ui.widgets->view = profile::name_of(ui.selection.view);
    ui.widgets->profile_number = ui.arrival != nullptr ? ui.arrival->profile_number : 0;
  }
  take_keys(ui);
  ImGui::SetNextWindowPos({0, 0});
  ImGui::SetNextWindowSize({width, height});
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {0, 0});
  ImGui::Begin("dashboard", nullptr,
               ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoSavedSettings |
                   ImGuiWindowFlags_NoBringToFrontOnFocus | ImGuiWindowFlags_NoScrollWithMouse);
  ImGui::PopStyleVar();
  const Arrangement at = arrange(width, height, ui.pen.scale, ui.scene != nullptr ? ui.scene->threads.size() : 0);
  show_top_bar(ui, at.top);
  if (ui.scene == nullptr || !drawable(*ui.scene->profile)) {
    show_empty(ui, {0, at.cards.y, width, at.status.y - at.cards.y});
  } else {
    show_cards(ui, at.cards);
    show_states(ui, at.states);
    show_throughput(ui, at.throughput);
    show_latency(ui, at.latency);
    show_flame(ui, at.flame);
    show_threads(ui, at.threads);
    show_functions(ui, at.functions);
    show_sockets(ui, at.sockets);
    show_operations(ui, at.operations);
    show_ledger(ui, at.ledger);
    show_notes(ui, at.notes);
  }
  show_status_bar(ui, at.status);
  ImGui::End();
  if (ui.selection.help) show_help(ui, width, height);
}

}  // namespace fanlight::ui
